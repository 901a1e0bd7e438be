/** The cases of Debian's libonnx-testdata: a model with inputs and the outputs that ONNX's authors expect. */
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = '/usr/share/libonnx-testdata/data';

export function hasTestData(): boolean {
  return existsSync(ROOT);
}

/** Names such as `node/test_abs`, in order. Models that would have to be downloaded are not among them. */
export function listCases(): string[] {
  const suites = readdirSync(ROOT).toSorted();
  const names = suites.flatMap((suite) => readdirSync(join(ROOT, suite)).map((name) => `${suite}/${name}`));
  return names.filter((name) => existsSync(modelPath(name))).toSorted();
}

export function modelPath(name: string): string {
  return join(ROOT, name, 'model.onnx');
}

/** Serialised values by position: `input` or `output` number 0, 1, ... */
export async function readValues(name: string, kind: 'input' | 'output'): Promise<Uint8Array[]> {
  const directory = join(ROOT, name, 'test_data_set_0');
  const count = readdirSync(directory).filter((file) => file.startsWith(`${kind}_`)).length;
  return Promise.all(Array.from({ length: count }, (_, i) => readFile(join(directory, `${kind}_${i}.pb`))));
}
