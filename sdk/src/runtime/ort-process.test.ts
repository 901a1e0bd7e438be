import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Tensor, tensorBytes } from '../tensor.ts';
import { createOrtProcess, type OrtProcessOptions, type ProcessChange } from './ort-process.ts';
import type { Runtime } from './runtime.ts';
import { runtimeSuite } from './suite.ts';
import { tinyModel } from './suite-models.ts';

runtimeSuite('ort-process', () => createOrtProcess({ threads: 1 }));

const SQUARE = tinyModel({
  inputs: [{ name: 'x', dims: ['n'] }],
  outputs: ['y'],
  nodes: [['Mul', ['x', 'x'], 'y']],
});
const SLOW = tinyModel({
  inputs: [{ name: 'a', dims: ['n', 'n'] }],
  outputs: ['b'],
  nodes: [['MatMul', ['a', 'a'], 'b']],
});

describe('a process with ONNX Runtime', () => {
  const open: Runtime[] = [];
  afterEach(() => Promise.all(open.splice(0).map((runtime) => runtime.close())));

  async function start(options: OrtProcessOptions = {}) {
    const changes: ProcessChange['state'][] = [];
    const onChange = ({ state }: ProcessChange) => changes.push(state);
    const runtime = await createOrtProcess({ threads: 1, onChange, ...options });
    open.push(runtime);
    const square = await runtime.load({ bytes: SQUARE });
    const slow = await runtime.load({ bytes: SLOW });
    const runSquare = (x: number) =>
      runtime.run({ models: [square], feeds: { x: floats(x) }, fetches: ['y'] });
    const runSlow = () => runtime.run({ models: [slow], feeds: { a: matrix(1536) }, fetches: ['b'] });
    return { runtime, changes, runSquare, runSlow };
  }

  it('that is killed loses the run it made; those behind are made by the next one, with its models', async () => {
    const { runtime, changes, runSquare, runSlow } = await start();
    const lost = runSlow();
    const behind = [2, 3].map(runSquare);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(runtime.pid as number, 'SIGKILL');
    await expect(lost).rejects.toMatchObject({ code: 'gateway-unavailable', retriable: true });
    const answers = await Promise.all(behind);
    expect(answers.map(({ values }) => values.y?.data[0])).toEqual([4, 9]);
    expect(changes).toEqual(['starting', 'ready', 'crashed', 'starting', 'ready']);
  });

  it('takes large feeds by way of shared memory, one behind the other, and again after it was killed', async () => {
    const { runtime } = await start();
    const square = await runtime.load({ bytes: SQUARE });
    const run = async (seed: number) => {
      const pieces = [seed, seed + 1].map((value) => tensorBytes(floats(...Array(40_000).fill(value))));
      const x = { type: 'float32', dims: [80_000], pieces } as const;
      const { y } = (await runtime.run({ models: [square], feeds: { x }, fetches: ['y'] })).values;
      return [y?.data.length, y?.data[0], y?.data[39_999], y?.data[40_000], y?.data[79_999]];
    };
    const expected = [1, 2, 3].map((n) => [80_000, n * n, n * n, (n + 1) ** 2, (n + 1) ** 2]);
    expect(await Promise.all([1, 2, 3].map(run))).toEqual(expected);
    process.kill(runtime.pid as number, 'SIGKILL');
    await expect.poll(() => Promise.all([1, 2, 3].map(run))).toEqual(expected);
  });

  it('that hangs is killed and replaced', async () => {
    const { runtime, changes, runSquare } = await start({ hangMs: 300 });
    process.kill(runtime.pid as number, 'SIGSTOP');
    await expect(runSquare(2)).rejects.toMatchObject({ code: 'gateway-unavailable' });
    expect((await runSquare(3)).values.y?.data[0]).toBe(9);
    expect(changes).toContain('hung');
  });

  it('says which provider was at work', async () => {
    const { runtime } = await start();
    const found = await runtime.profile?.({ bytes: SQUARE }, { x: floats(2) });
    expect(Object.keys(found ?? {})).toEqual(['cpu']);
  });

  it('says it where there is no temporary folder to write to', async () => {
    vi.stubEnv('TMPDIR', '/proc/none');
    const { runtime } = await start();
    vi.unstubAllEnvs();
    const found = await runtime.profile?.({ bytes: SQUARE }, { x: floats(2) });
    expect(Object.keys(found ?? {})).toEqual(['cpu']);
  });

  it('that cannot start says why', async () => {
    await expect(createOrtProcess({ modulePath: 'no-such-runtime' })).rejects.toMatchObject({
      code: 'provider-unavailable',
      message: expect.stringContaining('no-such-runtime'),
    });
  });

  it('ends with the one who started it', async () => {
    const runtime = await createOrtProcess({ threads: 1 });
    const pid = runtime.pid as number;
    await runtime.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

function floats(...values: number[]): Tensor {
  return { type: 'float32', dims: [values.length], data: Float32Array.from(values) };
}

function matrix(size: number): Tensor {
  return { type: 'float32', dims: [size, size], data: new Float32Array(size * size) };
}
