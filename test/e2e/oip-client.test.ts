/** A client of the Open Inference Protocol that is not ours, against the gateway's own HTTP port. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../support/direct-runtime.ts';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { OIP_PYTHON, oipClientMissing } from '../support/oip-client.ts';

const SHAPE = [1, 3, 32, 32];
const SCRIPT = join(import.meta.dirname, 'oip_client.py');

interface Answer {
  readonly id: string;
  readonly values: readonly number[];
  readonly isBinary: boolean;
}

describe.skipIf(oipClientMissing())('tritonclient against the gateway', () => {
  let folder: ModelFolder;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: SHAPE } } });
    const address = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    gateway = await startGatewayProcess(['--models', folder.path, ...address]);
  });
  afterAll(async () => {
    await gateway?.kill('SIGTERM');
    await folder?.remove();
  });

  it('gets right answers in JSON and in binary, and refusals that it understands', async () => {
    const input = randomTensor(randomNumbers(9), SHAPE);
    const path = join(folder.path, 'case.json');
    await writeFile(path, JSON.stringify({ model: 'net', shape: SHAPE, data: [...input.data].map(Number) }));
    const host = new URL(gateway.http ?? '').host;
    const { stdout } = await promisify(execFile)(OIP_PYTHON ?? '', [SCRIPT, host, path]);
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ live: true, ready: true, modelReady: true, strangerReady: false });
    expect(said.metadata).toMatchObject({
      ...{ name: 'net', versions: ['1'] },
      inputs: [{ name: 'input', datatype: 'FP32' }],
      outputs: [{ name: 'output', datatype: 'FP32' }],
    });
    expect(said.index).toEqual([expect.objectContaining({ name: 'net', state: 'READY' })]);
    const expected = await answerOf(input);
    for (const [form, { id, values, isBinary }] of Object.entries<Answer>(said.answers)) {
      expect([id, isBinary, values.length]).toEqual(['asked', form === 'binary', expected.length]);
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i] as number, 4);
    }
    expect(said.refusals).toEqual({
      stranger: ['404', expect.stringContaining('stranger')],
      shape: ['400', expect.stringContaining('input')],
    });
  });
});

/** By ONNX Runtime itself. */
async function answerOf(input: ReturnType<typeof randomTensor>): Promise<readonly number[]> {
  const runtime = directRuntime();
  const model = await runtime.load({ bytes: smallConvNet() });
  const { values } = await runtime.run({ models: [model], feeds: { input }, fetches: ['output'] });
  await runtime.close();
  return [...(values.output?.data ?? [])].map(Number);
}
