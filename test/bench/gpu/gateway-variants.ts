/** Requests a second of the three ways to batch, so many in flight at a time, in turns. */
import type { FrameDecoder } from '../../../cloud-gateway/src/decode/frame-decoder.ts';
import { createGatewayEvents, type RequestFinished } from '../../../cloud-gateway/src/events.ts';
import type { ServedModel } from '../../../cloud-gateway/src/models/served-model.ts';
import { createBatcher } from '../../../cloud-gateway/src/serving/batcher.ts';
import type { LaneExecutor } from '../../../cloud-gateway/src/serving/lane.ts';
import { createTenants } from '../../../cloud-gateway/src/serving/quota.ts';
import { createTailHandler } from '../../../cloud-gateway/src/tail.ts';
import { systemClock } from '../../../sdk/src/clock.ts';
import { createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import { randomNumbers } from '../../support/models/random-weights.ts';
import { median } from '../statistics.ts';
import type { Template } from './gateway-requests.ts';

export interface VariantOptions {
  readonly label: string;
  readonly model: ServedModel;
  /** The same, whose batches have one row. */
  readonly single: ServedModel;
  readonly requests: readonly Template[];
  readonly executors: readonly LaneExecutor[];
  readonly decoder: FrameDecoder;
  readonly secondsEach: number;
  say(text: string): void;
}

const ROUNDS = 3;
const MAX_BATCH = 16;
const DEADLINE_MS = 60_000;
const VARIANTS = {
  mixed: { isMixing: true, maxBatch: MAX_BATCH },
  perCut: { isMixing: false, maxBatch: MAX_BATCH },
  single: { isMixing: true, maxBatch: 1 },
} as const;
type VariantName = keyof typeof VARIANTS;
const PLAN: readonly (readonly [inFlight: number, variants: readonly VariantName[]])[] = [
  [8, ['mixed', 'perCut']],
  [16, ['mixed', 'perCut']],
  [64, ['mixed', 'perCut', 'single']],
];

export async function measureVariants(o: VariantOptions) {
  const clock = systemClock();
  const tables: { readonly inFlight: number; readonly found: Readonly<Record<string, Summary>> }[] = [];
  for (const [inFlight, names] of PLAN) {
    const runs: Record<string, Load[]> = {};
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const load = await runLoad(o, { clock, inFlight, ...VARIANTS[name], seed: round + 1 });
        runs[name] = [...(runs[name] ?? []), load];
      }
    }
    const found = Object.fromEntries(Object.entries(runs).map(([name, loads]) => [name, summary(loads)]));
    o.say(`${o.label}, ${inFlight} in flight: ${JSON.stringify(found)}`);
    tables.push({ inFlight, found });
  }
  const rate = (inFlight: number, name: VariantName) =>
    tables.find((table) => table.inFlight === inFlight)?.found[name]?.perSecond ?? Number.NaN;
  return {
    tables,
    mixedVsPerCut: Object.fromEntries(PLAN.map(([n]) => [n, rate(n, 'mixed') / rate(n, 'perCut')])),
    mixedVsSingle64: rate(64, 'mixed') / rate(64, 'single'),
    p99Ms64: tables.find(({ inFlight }) => inFlight === 64)?.found.mixed?.p99Ms ?? Number.NaN,
  };
}

interface Load {
  readonly perSecond: number;
  readonly finished: readonly RequestFinished[];
}

interface LoadOptions {
  readonly clock: ReturnType<typeof systemClock>;
  readonly inFlight: number;
  readonly isMixing: boolean;
  readonly maxBatch: number;
  readonly seed: number;
}

/** So many clients, each of which sends its next request, at a cut drawn anew, when the last was answered. */
async function runLoad(o: VariantOptions, load: LoadOptions): Promise<Load> {
  const { clock } = load;
  const events = createGatewayEvents();
  const finished: RequestFinished[] = [];
  const tenants = createTenants([], clock);
  const { executors, decoder } = o;
  const { isMixing, maxBatch } = load;
  const model = maxBatch === 1 ? o.single : o.model;
  const batcher = createBatcher({
    ...{ clock, executors, tenants, maxQueued: 1024, events },
    isMixing,
    maxBatch,
  });
  const codec = createCodec({ deflate: deflateNode() });
  const handle = createTailHandler({
    findModel: () => model,
    codec,
    decoder,
    batcher,
    tenants,
    clock,
    events,
  });
  const random = randomNumbers(load.seed);
  const draw = () => o.requests[Math.floor(random() * o.requests.length)] as Template;
  const settleMs = 300;
  const startMs = clock.nowMs() + settleMs;
  const endMs = startMs + o.secondsEach * 1000;
  events.on('request-finished', (event) => {
    if (clock.nowMs() >= startMs) finished.push(event);
  });
  const signal = new AbortController().signal;
  const client = async (index: number) => {
    for (let n = 0; clock.nowMs() < endMs; n++) {
      const about = { id: `r${index}-${n}`, device: `d${index}`, arrivedMs: clock.nowMs() };
      await handle({ ...draw(), ...about, deadlineMs: DEADLINE_MS, signal });
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, (_, index) => client(index)));
  return { perSecond: (finished.length * 1000) / (clock.nowMs() - startMs), finished };
}

type Summary = ReturnType<typeof summary>;

function summary(loads: readonly Load[]) {
  const all = loads.flatMap(({ finished }) => finished);
  const mean = (of: (event: RequestFinished) => number) =>
    Number((all.reduce((sum, event) => sum + of(event), 0) / all.length).toFixed(3));
  const totals = all.map(({ totalMs }) => totalMs).sort((a, b) => a - b);
  const quantile = (share: number) =>
    totals[Math.min(totals.length - 1, Math.floor(share * totals.length))] ?? Number.NaN;
  return {
    perSecond: median(loads.map(({ perSecond }) => perSecond)),
    ...{ p50Ms: quantile(0.5), p99Ms: quantile(0.99) },
    meanBatch: mean(({ batchSize }) => batchSize),
    meanCuts: mean(({ batchCuts }) => batchCuts),
    // Where a request's time goes, in milliseconds.
    ...{ decodeMs: mean(({ decodeMs }) => decodeMs), queueMs: mean(({ queueMs }) => queueMs) },
    ...{ copyMs: mean(({ copyMs }) => copyMs), runMs: mean(({ tailMs }) => tailMs) },
    encodeMs: mean(({ encodeMs }) => encodeMs),
  };
}
