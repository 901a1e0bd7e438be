/** The build for Jetson, as far as it can be read: what it makes lies where its configuration looks, and finds its other half. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const read = (name: string) =>
  readFileSync(resolve(import.meta.dirname, '../../edge-agent/deploy/jetson', name), 'utf8');

it('puts onnxruntime-node beside onnxruntime-common into node_modules, where edge.yaml names it', () => {
  const { runtime } = parse(read('edge.yaml')) as { runtime: { modulePath: string } };
  const [, folder = ''] = /cd (\S+\/node_modules) /.exec(read('Containerfile')) ?? [];
  expect(runtime.modulePath).toBe(`${folder}/onnxruntime-node/dist/index.js`);
  expect(read('Containerfile')).toMatch(
    /js\/node onnxruntime-node && cp -r \/src\/js\/common onnxruntime-common$/m,
  );
});
