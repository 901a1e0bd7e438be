/**
 * Places stages on devices, exactly: dynamic programming over nested cuts, the device of the last stage and the set of
 * devices used. The cuts are nested, so the heads form a chain; on a graph whose best heads are not among the nested
 * ones this is exact for the cuts that are offered, not for the graph (for two stages parametric-cut.ts is).
 */
import { SplitError } from '../errors.ts';
import { createStageCosts, type StageCosts } from './stage-costs.ts';
import type { Placement, StageProblem, StageWish } from './stage-problem.ts';

/** Subsets of devices are states, so there cannot be many. */
const MAX_DEVICES = 12;
const MAX_STAGES = 8;

interface Partial {
  readonly cost: number;
  readonly device: number;
  readonly from: number;
  readonly to: number;
  readonly before: Partial | undefined;
  readonly count: number;
}

/** @returns undefined where no placement keeps to the limits: see why-no-placement.ts. @throws SplitError `options-invalid` */
export function placeStages(problem: StageProblem, wish: StageWish): Placement | undefined {
  checkProblem(problem, wish);
  const costs = createStageCosts(problem, wish.objective);
  let best: Partial | undefined;
  const offer = (found: Partial | undefined) => {
    if (found && (!best || found.cost < best.cost)) best = found;
  };
  for (let first = 0; first <= costs.segments; first++) {
    if (!costs.canRun(costs.source, 0, first)) continue;
    for (const ended of placementsFrom(first, costs, wish)) offer(ended);
  }
  return best && costs.describe(stagesOf(best));
}

/** All that begin with that many segments on the source, the best for each way to end. */
function* placementsFrom(first: number, costs: StageCosts, wish: StageWish): Generator<Partial> {
  const { segments, source } = costs;
  const start: Partial = {
    cost: costs.compute(source, 0, first),
    device: source,
    from: 0,
    to: first,
    before: undefined,
    count: 1,
  };
  if (first === segments && !wish.mustSend) yield start;
  let layer = new Map<string, Partial>([[keyOf(start, 1 << source), start]]);
  for (let count = 1; count < wish.maxStages; count++) {
    const next = new Map<string, Partial>();
    for (const [key, state] of layer) {
      const used = Number(key.split('/')[2]);
      for (const moved of movesFrom(state, used, costs)) {
        const at = keyOf(moved, used | (1 << moved.device));
        const known = next.get(at);
        if (!known || moved.cost < known.cost) next.set(at, moved);
      }
      // Not from the source itself: that would be one stage.
      if (wish.mayReturn && state.device !== source) {
        const back = returning(state, first, costs);
        if (back) yield back;
      }
    }
    for (const state of next.values()) {
      const ended = state.to === segments ? answered(state, costs) : undefined;
      if (ended) yield ended;
    }
    layer = next;
  }
}

function* movesFrom(state: Partial, used: number, costs: StageCosts): Generator<Partial> {
  for (let device = 0; device < costs.devices; device++) {
    if (used & (1 << device)) continue;
    const sent = costs.send(state.device, device, state.to);
    if (sent === undefined) continue;
    for (let to = state.to + 1; to <= costs.segments; to++) {
      if (!costs.canRun(device, state.to, to)) continue;
      const cost = costs.join(state.cost, sent, costs.compute(device, state.to, to));
      yield { cost, device, from: state.to, to, before: state, count: state.count + 1 };
    }
  }
}

/** The output goes back to the source. */
function answered(state: Partial, costs: StageCosts): Partial | undefined {
  if (state.device === costs.source) return state;
  const sent = costs.send(state.device, costs.source, state.to);
  return sent === undefined ? undefined : { ...state, cost: costs.join(state.cost, sent) };
}

/** The last segments run on the source again, beside its first ones. */
function returning(state: Partial, first: number, costs: StageCosts): Partial | undefined {
  const { source, segments } = costs;
  const sent = state.to < segments ? costs.send(state.device, source, state.to) : undefined;
  if (sent === undefined || !costs.canRunBoth(source, first, state.to)) return undefined;
  const cost = costs.joinReturn(state.cost, sent, { first, from: state.to });
  return { cost, device: source, from: state.to, to: segments, before: state, count: state.count + 1 };
}

function keyOf({ to, device }: Partial, used: number): string {
  return `${to}/${device}/${used}`;
}

function stagesOf(last: Partial) {
  const stages = [];
  for (let one: Partial | undefined = last; one; one = one.before)
    stages.unshift({ device: one.device, from: one.from, to: one.to });
  return stages;
}

function checkProblem(problem: StageProblem, { maxStages }: StageWish): void {
  const { devices, weightBytes, crossing, source } = problem;
  const names = new Set(devices.map(({ name }) => name));
  const fail = (what: string) => {
    throw new SplitError('options-invalid', what);
  };
  if (!Number.isInteger(maxStages) || maxStages < 1 || maxStages > MAX_STAGES)
    fail(`maxStages is ${maxStages}; it must be a whole number from 1 to ${MAX_STAGES}`);
  if (devices.length === 0 || devices.length > MAX_DEVICES)
    fail(`${devices.length} devices; there must be 1 to ${MAX_DEVICES}`);
  if (names.size !== devices.length) fail('two devices have the same name');
  if (!names.has(source)) fail(`source ${JSON.stringify(source)} is not one of the devices`);
  if (crossing.length !== weightBytes.length + 1)
    fail(`${crossing.length} crossings for ${weightBytes.length} segments; there must be one more`);
  for (const { name, segmentMs } of devices)
    if (segmentMs.length !== weightBytes.length)
      fail(`device ${name} has times of ${segmentMs.length} segments, not of ${weightBytes.length}`);
}
