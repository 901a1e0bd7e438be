import { getEventListeners } from 'node:events';
import {
  type Codec,
  createCodec,
  createOrtNode,
  deflateNode,
  memorySource,
  openChain,
  openModel,
  type Runtime,
  sampleTensor,
  systemClock,
  type Tensors,
} from '@cutpoint/sdk/gateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallConvNet } from '../../test/support/models/small-conv-net.ts';
import { createInlineDecoder } from './decode/frame-decoder.ts';
import { createGatewayEvents, type RequestFinished, type RequestRefused } from './events.ts';
import { silentLog } from './log.ts';
import { type PrepareOptions, prepareModel } from './models/prepare-model.ts';
import type { ServedModel } from './models/served-model.ts';
import { createReferenceCache } from './reference-cache.ts';
import { createBatcher } from './serving/batcher.ts';
import { createTenants } from './serving/quota.ts';
import { createTailHandler, type HandleRequest } from './tail.ts';

type Request = Parameters<HandleRequest>[0];

const INPUT = sampleTensor({ type: 'float32', dims: [2, 3, 32, 32], seed: 5 });
let runtime: Runtime;
let model: ServedModel;
let codec: Codec;

beforeAll(async () => {
  runtime = await createOrtNode({ threads: 1 });
  codec = createCodec({ deflate: deflateNode() });
  const source = memorySource(smallConvNet());
  model = await prepare({ source });
});

function prepare(o: Pick<PrepareOptions, 'source' | 'range'>): Promise<ServedModel> {
  return prepareModel({
    name: 'net',
    version: '1',
    executors: [{ name: 'cpu', provider: 'cpu', runtime }],
    maxBatch: 4,
    inputShapes: { input: [1, 3, 32, 32] },
    maxCuts: 4,
    log: silentLog(),
    ...o,
  });
}
afterAll(async () => {
  await model.close();
  await runtime.close();
});

describe('a served model', () => {
  it('announces a time for the whole and for every cut, the deeper the less', () => {
    const { cuts, inputTailMs } = model.announcement;
    expect(cuts.length).toBeGreaterThan(1);
    const times = [inputTailMs ?? 0, ...cuts.map(({ tailMs }) => tailMs)];
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(times.at(-1)).toBeGreaterThan(0);
  });

  it('that is kept to a part announces that part, and refuses what lies outside', async () => {
    const [first, second, third] = model.announcement.cuts.map(({ id }) => id) as [string, string, string];
    const part = await prepare({
      source: memorySource(smallConvNet()),
      range: { from: first, to: second },
    });
    const { cuts, range, inputTailMs } = part.announcement;
    expect({ cuts, inputTailMs, ids: range?.cuts?.map(({ id }) => id) }).toEqual({
      ...{ cuts: [], inputTailMs: undefined, ids: [first, second] },
    });
    expect(range?.cuts?.at(-1)?.tailMs).toBe(0);
    expect(part.crossing(first, second).to?.id).toBe(second);
    for (const [from, to] of [['input', second], [first], [first, third], [second, third]] as const)
      expect(() => part.crossing(from, to)).toThrow(expect.objectContaining({ code: 'cut-invalid' }));
    const tail = await prepare({
      source: memorySource(smallConvNet()),
      range: { from: second, to: 'outputs' },
    });
    expect(tail.announcement.cuts.map(({ id }) => id)).not.toContain(first);
    expect(tail.announcement.inputTailMs).toBeUndefined();
    await Promise.all([part.close(), tail.close()]);
  });
});

describe('the tail of a request', () => {
  it('is the whole model when the inputs cross, at a batch that it was not timed at', async () => {
    const reply = await handler()(await request());
    expect(reply.tensors.map(({ name }) => name)).toEqual(['output']);
    expectClose(await decode(reply), await wholeModel());
    for (const ms of [reply.queueMs, reply.decodeMs, reply.tailMs, reply.encodeMs])
      expect(ms).toBeGreaterThanOrEqual(0);
  });

  it('leaves nothing with the signal, which lives until the deadline', async () => {
    const asked = await request();
    await handler()(asked);
    expect(getEventListeners(asked.signal, 'abort')).toEqual([]);
  });

  it('continues from every announced cut with what the head made', async () => {
    const source = memorySource(smallConvNet());
    const opened = await openModel(source, runtime);
    const announced = model.announcement.cuts.map(({ id }) => id);
    const head = await openChain(
      opened,
      opened.cuts.filter(({ id }) => announced.includes(id)),
      runtime,
    );
    expect(head.cuts).toHaveLength(announced.length);
    for (const cut of head.cuts) {
      const names = cut.tensors.map(({ name }) => name);
      const { values } = await head.run({ to: cut, feeds: { input: INPUT }, fetches: names });
      const reply = await handler()({ ...(await request()), cut: cut.id, tensors: await encode(values) });
      expectClose(await decode(reply), await wholeModel());
    }
    await head.close();
  });

  it('stops at a later cut where it is told to, with what crosses there, for every two cuts', async () => {
    const opened = await openModel(memorySource(smallConvNet()), runtime);
    const ids = model.announcement.cuts.map(({ id }) => id);
    const chain = await openChain(
      opened,
      opened.cuts.filter(({ id }) => ids.includes(id)),
      runtime,
    );
    expect(model.announcement.range).toEqual({ from: 'input', to: 'outputs' });
    const pairs = chain.cuts.flatMap((cut, at) => chain.cuts.slice(at + 1).map((to) => ({ cut, to })));
    expect(pairs.length).toBeGreaterThan(0);
    for (const { cut, to } of pairs) {
      const [names, back] = [cut, to].map(({ tensors }) => tensors.map(({ name }) => name));
      const head = await chain.run({ to: cut, feeds: { input: INPUT }, fetches: names ?? [] });
      const place = { cut: cut.id, to: to.id, fetches: back ?? [] };
      const reply = await handler()({ ...(await request()), ...place, tensors: await encode(head.values) });
      expect(reply.tensors.map(({ name }) => name)).toEqual(back);
      const feeds = await decode(reply);
      const last = await chain.run({ from: to, feeds, fetches: ['output'] });
      expectClose(last.values, await wholeModel());
    }
    await chain.close();
  });

  it('is refused for an end before its beginning, and for a route', async () => {
    const [first, second] = model.announcement.cuts as unknown as [{ id: string }, { id: string }];
    for (const ends of [
      { cut: second.id, to: first.id },
      { cut: first.id, to: first.id },
      { cut: first.id, to: 'input' },
    ]) {
      const refused = handler()({ ...(await request()), ...ends });
      await expect(refused).rejects.toMatchObject({ code: 'cut-invalid' });
    }
    const route = [{ cut: second.id, profile: 'float32' }];
    const onward = handler()({ ...(await request()), cut: first.id, route });
    await expect(onward).rejects.toMatchObject({ code: 'gateway-unavailable' });
  });

  it.each([
    ['a cut that is not offered', { cut: '0123456789abcdef' }, 'cut-invalid'],
    ['no tensors', { tensors: [] }, 'input-name'],
    ['an output that the model has not', { fetches: ['inside'] }, 'input-name'],
    ['a reply profile that nobody knows', { replyProfile: 'uint3' }, 'codec-invalid'],
    ['a frame that is none', { tensors: [{ name: 'input', frame: new Uint8Array(9) }] }, 'codec-invalid'],
    ['too little time', { deadlineMs: 1e-9 }, 'overloaded'],
  ] as const)('is refused for %s', async (_what, change, code) => {
    const handle = handler();
    await expect(handle({ ...(await request()), ...change })).rejects.toMatchObject({ code });
  });

  it.each([
    ['another type', sampleTensor({ type: 'int32', dims: [1, 3, 32, 32], seed: 1 }), 'input-type'],
    [
      'another fixed dimension',
      sampleTensor({ type: 'float32', dims: [1, 3, 32, 31], seed: 1 }),
      'input-shape',
    ],
    ['another rank', sampleTensor({ type: 'float32', dims: [3, 32, 32], seed: 1 }), 'input-shape'],
  ] as const)('is refused for a tensor of %s', async (_what, tensor, code) => {
    const frame = await codec.encode(tensor, 'float32');
    const refused = handler()({ ...(await request()), tensors: [{ name: 'input', frame }] });
    await expect(refused).rejects.toMatchObject({ code });
  });

  it('is refused for a tensor that comes twice', async () => {
    const base = await request();
    const refused = handler()({ ...base, tensors: [...base.tensors, ...base.tensors] });
    await expect(refused).rejects.toMatchObject({ code: 'input-name' });
  });

  it('leaves no place taken, whether it succeeds or not, and tells what became of it', async () => {
    const { handle, batcher, finished, refused } = serving();
    const broken = { ...(await request()), tensors: [{ name: 'input', frame: new Uint8Array(1) }] };
    await expect(handle(broken)).rejects.toMatchObject({ code: 'codec-invalid' });
    await handle(await request());
    expect(batcher.length).toBe(0);
    expect(refused).toMatchObject([{ code: 'codec-invalid', wasAdmitted: true }]);
    expect(finished).toMatchObject([
      {
        request: { model: 'net', version: '1', cut: 'input' },
        batchSize: 1,
        executor: 'cpu',
        provider: 'cpu',
      },
    ]);
  });
});

describe('a request that was given up', () => {
  // That it lets go of the model as well shows in that the model can be closed in the end.
  it('ends and gives its place back, also where it never came to the queue', async () => {
    const { handle, batcher, refused } = serving();
    const gone = AbortSignal.abort();
    await expect(handle({ ...(await request()), signal: gone })).rejects.toMatchObject({ code: 'aborted' });
    expect(batcher.length).toBe(0);
    expect(refused).toMatchObject([{ code: 'aborted' }]);
  });
});

function serving() {
  const clock = systemClock();
  const events = createGatewayEvents();
  const tenants = createTenants([], clock);
  const executors = [{ name: 'cpu', provider: 'cpu', runtime }];
  const batcher = createBatcher({ clock, executors, tenants, maxQueued: 8, maxBatch: 4, events });
  const finished: RequestFinished[] = [];
  const refused: RequestRefused[] = [];
  events.on('request-finished', (event) => finished.push(event));
  events.on('request-refused', (event) => refused.push(event));
  const decoder = createInlineDecoder({ codec, references: createReferenceCache({ clock }) });
  const handle = createTailHandler({
    findModel: () => model,
    codec,
    decoder,
    batcher,
    tenants,
    clock,
    events,
  });
  return { handle, batcher, finished, refused };
}

function handler(): HandleRequest {
  return serving().handle;
}

async function request(): Promise<Request> {
  return {
    id: 'r1',
    device: 'd1',
    model: 'net',
    digest: model.digest,
    cut: 'input',
    tensors: await encode({ input: INPUT }),
    fetches: ['output'],
    replyProfile: 'float32',
    deadlineMs: 5_000,
    signal: new AbortController().signal,
    arrivedMs: 0,
    isSealed: false,
  };
}

function encode(values: Tensors): Promise<{ name: string; frame: Uint8Array }[]> {
  const encoded = Object.entries(values).map(async ([name, tensor]) => ({
    name,
    frame: await codec.encode(tensor, 'float32'),
  }));
  return Promise.all(encoded);
}

/** Cut or whole, ONNX Runtime fuses other nodes, and rounds elsewhere. */
function expectClose(actual: Tensors, expected: Tensors): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, { data, dims }] of Object.entries(expected)) {
    expect(actual[name]?.dims).toEqual(dims);
    for (const [index, value] of data.entries())
      expect(actual[name]?.data[index]).toBeCloseTo(Number(value), 4);
  }
}

async function decode(reply: Awaited<ReturnType<HandleRequest>>): Promise<Tensors> {
  const decoded = reply.tensors.map(async ({ name, frame }) => [name, await codec.decode(frame)] as const);
  return Object.fromEntries(await Promise.all(decoded));
}

/** The answer without cuts, queue or frames. */
async function wholeModel(): Promise<Tensors> {
  const loaded = await runtime.load({ bytes: smallConvNet() });
  const { values } = await runtime.run({ models: [loaded], feeds: { input: INPUT }, fetches: ['output'] });
  await loaded.release();
  return values;
}
