import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createOrtNode } from './ort-node.ts';
import { runtimeSuite } from './suite.ts';
import { tinyModel } from './suite-models.ts';

runtimeSuite('ort-node', () => createOrtNode({ threads: 2 }));

describe('ort-node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-ort-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('keeps ONNX Runtime from reporting its use, unless its user wants that', async () => {
    const { ORT_DISABLE_TELEMETRY: before } = process.env;
    for (const [wish, kept] of [
      [undefined, '1'],
      ['0', '0'],
    ]) {
      if (wish === undefined) delete process.env.ORT_DISABLE_TELEMETRY;
      else process.env.ORT_DISABLE_TELEMETRY = wish;
      const runtime = await createOrtNode({ threads: 1 });
      expect(process.env.ORT_DISABLE_TELEMETRY).toBe(kept);
      await runtime.close();
    }
    if (before === undefined) delete process.env.ORT_DISABLE_TELEMETRY;
    else process.env.ORT_DISABLE_TELEMETRY = before;
  });

  it('reads weights that lie at an offset in a file of the directory', async () => {
    writeFileSync(join(folder, 'weights.bin'), new Uint8Array(Float32Array.of(7, 10, 20).buffer));
    const bytes = tinyModel({
      inputs: [{ name: 'x', dims: [2] }],
      outputs: ['y'],
      nodes: [['Add', ['x', 'w'], 'y']],
      weight: { name: 'w', dims: [2], location: 'weights.bin', offset: 4, length: 8 },
    });
    const runtime = await createOrtNode({ threads: 1 });
    const model = await runtime.load({ bytes, directory: folder });
    const x = { type: 'float32', dims: [2], data: Float32Array.of(1, 2) } as const;
    const { values } = await runtime.run({ models: [model], feeds: { x }, fetches: ['y'] });
    expect(values.y?.data).toEqual(Float32Array.of(11, 22));
    await expect(runtime.load({ bytes, directory: tmpdir() })).rejects.toMatchObject({
      code: 'runtime-failed',
    });
    await runtime.close();
  });

  it('computes the same without an arena, run after run', async () => {
    const bytes = tinyModel({
      inputs: [{ name: 'x', dims: [64, 64] }],
      outputs: ['z'],
      nodes: [
        ['MatMul', ['x', 'x'], 'y'],
        ['MatMul', ['y', 'x'], 'z'],
      ],
    });
    const x = {
      type: 'float32',
      dims: [64, 64],
      data: Float32Array.from({ length: 4096 }, Math.sin),
    } as const;
    const answers = [];
    for (const memoryArena of [true, false]) {
      const runtime = await createOrtNode({ threads: 1, memoryArena });
      const model = await runtime.load({ bytes });
      for (let run = 0; run < 3; run++)
        answers.push((await runtime.run({ models: [model], feeds: { x }, fetches: ['z'] })).values.z?.data);
      await runtime.close();
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it('keeps the thread of the caller free while a model runs', async () => {
    const runtime = await createOrtNode({ threads: 1 });
    const nodes = Array.from(
      { length: 20 },
      (_, index) => ['MatMul', [`v${index}`, `v${index}`], `v${index + 1}`] as const,
    );
    const bytes = tinyModel({
      inputs: [{ name: 'v0', dims: [512, 512] }],
      outputs: ['v20'],
      nodes,
    });
    const model = await runtime.load({ bytes });
    const v0 = { type: 'float32', dims: [512, 512], data: new Float32Array(512 * 512) } as const;
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await runtime.run({ models: [model], feeds: { v0 }, fetches: ['v20'] });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
    await runtime.close();
  });

  it('refuses a number of threads that cannot be', async () => {
    for (const threads of [0, 1.5, 1000, Number.NaN]) {
      await expect(createOrtNode({ threads })).rejects.toMatchObject({ code: 'options-invalid' });
    }
  });

  it('says what to install when there is no ONNX Runtime', async () => {
    const start = createOrtNode({ modulePath: join(folder, 'nowhere.mjs') });
    await expect(start).rejects.toMatchObject({
      code: 'provider-unavailable',
      message: expect.stringContaining('npm install onnxruntime-node'),
    });
  });

  it('says so when the execution provider is not there', async () => {
    const runtime = await createOrtNode({ provider: 'no-such-provider' });
    const bytes = tinyModel({
      inputs: [{ name: 'x', dims: [1] }],
      outputs: ['y'],
      nodes: [['Neg', ['x'], 'y']],
    });
    await expect(runtime.load({ bytes })).rejects.toMatchObject({ code: 'provider-unavailable' });
    await runtime.close();
  });

  it('rejects what waits and what follows when the thread dies', async () => {
    const runtime = await createOrtNode({ modulePath: writeDyingRuntime(folder) });
    const waiting = [runtime.load({ bytes: new Uint8Array(1) }), runtime.load({ bytes: new Uint8Array(1) })];
    for (const load of waiting) await expect(load).rejects.toMatchObject({ code: 'runtime-failed' });
    await expect(runtime.load({ bytes: new Uint8Array(1) })).rejects.toMatchObject({
      code: 'runtime-failed',
    });
    await runtime.close();
  });

  it('lets a program end that forgot to close, but not before its run is done', () => {
    const script = `
      import { createOrtNode } from ${JSON.stringify(new URL('./ort-node.ts', import.meta.url).href)};
      import { tinyModel } from ${JSON.stringify(new URL('./suite-models.ts', import.meta.url).href)};
      const bytes = tinyModel({ inputs: [{ name: 'x', dims: [1] }], outputs: ['y'], nodes: [['Neg', ['x'], 'y']] });
      const runtime = await createOrtNode();
      const model = await runtime.load({ bytes });
      const x = { type: 'float32', dims: [1], data: Float32Array.of(5) };
      void runtime.run({ models: [model], feeds: { x }, fetches: ['y'] }).then(({ values }) => console.log(values.y.data[0]));
    `;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(child).toMatchObject({ status: 0, stdout: '-5\n', stderr: '' });
  });
});

/** Stands in for a native library that takes its thread down. */
function writeDyingRuntime(folder: string): string {
  const path = join(folder, 'dying.mjs');
  writeFileSync(
    path,
    `export const env = { versions: {} };
     export const InferenceSession = { create: () => process.exit(3) };
     export class Tensor {}`,
  );
  return path;
}
