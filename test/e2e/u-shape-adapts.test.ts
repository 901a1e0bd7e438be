/** The controller moves both cuts of a U: on a recorded link, a device that is throttled, and a gateway that is busy. */
import { readFileSync } from 'node:fs';
import { createOrtNode, fileSource, memorySource, openModel, type Runtime } from '@cutpoint/sdk/gateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { meanMs } from '../../sdk/src/adaptive/compare.ts';
import { controllerPolicy, fixedPolicy, oraclePolicy } from '../../sdk/src/adaptive/rivals.ts';
import { simulate } from '../../sdk/src/adaptive/simulate.ts';
import type { PlayedArm } from '../../sdk/src/adaptive/simulated-plan.ts';
import type { World } from '../../sdk/src/adaptive/simulated-world.ts';
import { readTrace } from '../../sdk/src/adaptive/trace-file.ts';
import { createTraceLink } from '../../sdk/src/adaptive/trace-link.ts';
import { candidateCuts } from '../../sdk/src/cut/candidates.ts';
import type { Cut } from '../../sdk/src/cut/cut.ts';
import { headOf } from '../../sdk/src/cut/head.ts';
import { allowedArms, type SplitArm } from '../../sdk/src/planner/arm.ts';
import { guessNodeMs, nodeWork, SERVER, SMALL_BOARD } from '../../sdk/src/profiler/flops.ts';
import { architectureShapes } from '../support/models/architecture-feeds.ts';
import { bert } from '../support/models/bert.ts';
import { mobilenetV2 } from '../support/models/mobilenet-v2.ts';
import { ocrModels } from '../support/models/ocr-models.ts';

const { rec } = ocrModels();
const made = (architecture: typeof bert, scale: number) => ({
  source: memorySource(architecture.make({ scale })),
  inputShapes: architectureShapes(architecture, { scale }),
});
const NETS = {
  'PP-OCRv4 rec': () => ({ source: fileSource(rec.path), inputShapes: { x: rec.shape } }),
  MobileNetV2: () => made(mobilenetV2, mobilenetV2.smallScale),
  'BERT-base': () => made(bert, 1 / 3),
};
const trace = readTrace(
  readFileSync(new URL('../bench/adaptive/traces/norway_train_13.txt', import.meta.url), 'utf8'),
);
const PROFILE = 'uint8';
const DURATION_MS = 240_000;
const ROUND_TRIP_MS = 2;

describe('both cuts of a U', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createOrtNode({ threads: 1 });
  });
  afterAll(() => runtime.close());

  /** Times by operations and bytes, so that the same is played on every machine. */
  async function armsOf(name: keyof typeof NETS): Promise<readonly PlayedArm[]> {
    const { source, inputShapes } = NETS[name]();
    const model = await openModel(source, runtime, { inputShapes });
    const work = nodeWork(model.graph, model.sizedTypes);
    const [here, there] = [SMALL_BOARD, SERVER].map((machine) => guessNodeMs(work, machine));
    const sum = (nodeMs: Float64Array = new Float64Array(), cut?: Cut) =>
      nodeMs.reduce((total, ms, node) => total + (!cut || headOf(cut).has(node) ? ms : 0), 0);
    const wholeMs = sum(here);
    const cuts = candidateCuts(model.cuts, model.graph, { limit: 8 });
    const rules = { profiles: [PROFILE], inputs: 'stay', outputs: 'stay', minDepth: 0 } as const;
    return allowedArms(model.cuts[0] as Cut, cuts, rules).map((arm): PlayedArm => {
      const free = { encodeMs: 0, sentBytes: 0, tailMs: 0, receivedBytes: 0, decodeMs: 0 };
      const common = { arm, name: arm.id, isCloud: false };
      if (arm.kind === 'device') return { ...common, cost: { ...free, headMs: wholeMs } };
      const [sentBytes, receivedBytes] = [bytesOf(arm.cut), bytesOf(arm.to as Cut)];
      const tailMs = sum(there, arm.to) - sum(there, arm.cut);
      return {
        ...common,
        cost: {
          ...{ headMs: sum(here, arm.cut), lastMs: wholeMs - sum(here, arm.to), tailMs },
          ...{ sentBytes, receivedBytes, encodeMs: sentBytes / 1e5, decodeMs: receivedBytes / 1e5 },
        },
      };
    });
  }

  it.each(Object.keys(NETS) as (keyof typeof NETS)[])('move on a trace: %s', async (name) => {
    const arms = await armsOf(name);
    const wholeMs = arms[0]?.cost.headMs ?? 0;
    const smallest = Math.min(...arms.slice(1).map(({ cost }) => cost.sentBytes + cost.receivedBytes));
    const mean = trace.reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond, 0) / trace.length;
    // At its mean rate the least that a U sends takes an eighth of the time that the device takes by itself.
    const scale = (smallest * 8 * 1000 * 8) / wholeMs / mean;
    const samples = trace.map((one, at) => ({
      ...one,
      bitsPerSecond: one.bitsPerSecond * (at % 60 > 30 ? 8 : 1),
    }));
    const world: World = {
      uplink: createTraceLink(samples, scale),
      roundTripMs: ROUND_TRIP_MS,
      downlinkBitsPerSecond: mean * scale,
      deviceSlowdown: (atMs) => (atMs % 120_000 > 60_000 ? 2 : 1),
      cloudSlowdown: (atMs) => (atMs % 80_000 > 40_000 ? 10 : 1),
    };
    const play = (policy: Parameters<typeof simulate>[0]['policy']) =>
      simulate({ arms, world, policy, durationMs: DURATION_MS, everyMs: 250 });
    const requests = play(controllerPolicy({ roundTripMs: ROUND_TRIP_MS }));
    const used = new Set(requests.map(({ armId }) => armId));
    const us = arms.flatMap(({ arm }) => (arm.kind === 'split' && used.has(arm.id) ? [arm] : []));
    const distinct = (of: (arm: SplitArm) => string | undefined) => new Set(us.map(of)).size;
    expect(distinct(({ cut }) => cut.id)).toBeGreaterThan(1);
    expect(distinct(({ to }) => to?.id)).toBeGreaterThan(1);
    expect(meanMs(requests)).toBeLessThan(meanMs(play(fixedPolicy('device'))));
    expect(meanMs(requests)).toBeLessThan(1.1 * meanMs(play(oraclePolicy)));
  });
});

const bytesOf = ({ bytes }: Cut) => (bytes ?? 0) / 4;
