import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import { expect, it } from 'vitest';
import { createOrtSessions, type Ort } from './ort-sessions.ts';

const VALUES = [1, 2, 3];

/** As a native module under Node 20 and 22, or a later one: the former is given no memory that threads share. */
function fakeOrt(takesShared: boolean) {
  const ran: boolean[] = [];
  const session: Partial<InferenceSession> = {
    inputMetadata: [],
    outputMetadata: [],
    async run(feeds) {
      const x = feeds.x as OrtTensor;
      const isShared = (x.data as Float32Array).buffer instanceof SharedArrayBuffer;
      ran.push(isShared);
      if (isShared && !takesShared) throw new Error('Invalid argument');
      if (x.dims[0] !== VALUES.length) throw new Error('Got invalid dimensions');
      return { y: x };
    },
  };
  function Tensor(this: object, type: string, data: Float32Array, dims: readonly number[]) {
    return Object.assign(this, { type, data, dims });
  }
  const ort = { Tensor, InferenceSession: { create: async () => session } } as unknown as Ort;
  return { ort, ran };
}

async function open(ort: Ort) {
  const sessions = createOrtSessions({ ort, sessionOptions: () => ({}), isStopped: () => false });
  const call = { bytes: new Uint8Array(), directory: undefined, optimization: 'all' } as const;
  const { model } = await sessions.load({ kind: 'load', ...call });
  const data = new Float32Array(new SharedArrayBuffer(VALUES.length * 4));
  data.set(VALUES);
  return async (dims: readonly number[]) => {
    const steps = [{ model, takes: ['x'], gives: ['y'] }];
    const feeds = [['x', { type: 'float32', data, dims }]] as const;
    const { values } = await sessions.run({ kind: 'run', steps, feeds, fetches: ['y'], stop: 0 });
    return [...(values[0]?.[1].data as Float32Array)];
  };
}

it('feeds in shared memory are copied where native modules are given none, which is tried once', async () => {
  const { ort, ran } = fakeOrt(false);
  const run = await open(ort);
  expect([await run([3]), await run([3])]).toEqual([VALUES, VALUES]);
  expect(ran).toEqual([true, false, false]);
});

it('feeds in shared memory are run as they lie where that is taken', async () => {
  const { ort, ran } = fakeOrt(true);
  const run = await open(ort);
  expect([await run([3]), await run([3])]).toEqual([VALUES, VALUES]);
  expect(ran).toEqual([true, true]);
});

it('a run that fails for another reason ends with that reason, and teaches nothing', async () => {
  const { ort, ran } = fakeOrt(true);
  const run = await open(ort);
  await expect(run([4])).rejects.toThrow('Got invalid dimensions');
  expect(await run([3])).toEqual(VALUES);
  expect(ran).toEqual([true, false, true]);
});
