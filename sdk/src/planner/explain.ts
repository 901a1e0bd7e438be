/** Three sentences: what is best on a link, against what, and until when. */
import { SplitError } from '../errors.ts';
import { byteText, msText } from './amount-text.ts';
import { chooseArm, type Situation } from './constraints.ts';
import { onDeviceMs } from './cost-model.ts';
import type { Objective } from './objective.ts';
import { latencyMs } from './objective.ts';
import type { Plan, PlanEntry } from './plan-file.ts';
import { ratesText, rateText } from './win-window.ts';

export interface ExplainOptions {
  readonly uplinkBitsPerSecond: number;
  /** How many times slower than measured the cloud is. @default 1 */
  readonly cloudSlowdown?: number;
}

/**
 * Why an arm is the best of the plan on one link.
 * @throws SplitError `options-invalid` for a link outside of the plan's range, or one on which no arm is allowed
 */
export function explainPlan(plan: Plan, options: ExplainOptions): string {
  const now = situationOf(plan, options);
  const arm = bestArm(plan, now);
  return [answer(arm, plan.objective, now), comparison(plan, arm, now), horizon(plan, arm)].join(' ');
}

function situationOf(plan: Plan, { uplinkBitsPerSecond, cloudSlowdown = 1 }: ExplainOptions): Situation {
  const { fromBitsPerSecond, toBitsPerSecond } = plan;
  if (!(cloudSlowdown > 0) || !Number.isFinite(cloudSlowdown))
    throw new SplitError('options-invalid', `cloudSlowdown is ${cloudSlowdown}; expected more than 0`);
  if (uplinkBitsPerSecond >= fromBitsPerSecond && uplinkBitsPerSecond <= toBitsPerSecond)
    return { uplinkBitsPerSecond, cloudSlowdown, deviceSlowdown: 1, ...plan.link };
  const range = `${rateText(fromBitsPerSecond)} to ${rateText(toBitsPerSecond)}`;
  const given = Number.isFinite(uplinkBitsPerSecond) ? rateText(uplinkBitsPerSecond) : uplinkBitsPerSecond;
  throw new SplitError('options-invalid', `uplink of ${given} is not within ${range}`);
}

function bestArm(plan: Plan, now: Situation): PlanEntry {
  const allowed = plan.arms.filter(({ excludedBy }) => excludedBy.length === 0);
  if (allowed.length === 0) {
    const reasons = [...new Set(plan.arms.flatMap(({ excludedBy }) => excludedBy))].join(', ');
    throw new SplitError('options-invalid', `no arm is allowed by ${reasons}`);
  }
  // Regions and the like are settled: what breaks them is not among the allowed.
  const { deadlineMs } = plan.wish.constraints;
  const choice = chooseArm(allowed, now, { ...plan.wish, constraints: { deadlineMs } });
  const found = choice.kind === 'arm' && allowed.find(({ id }) => id === choice.arm.id);
  if (found) return found;
  const rate = rateText(now.uplinkBitsPerSecond);
  throw new SplitError('options-invalid', `at ${rate} no arm keeps the deadline of ${deadlineMs} ms`);
}

const BEST: Readonly<Record<Objective, string>> = {
  latency: 'best',
  throughput: 'best by throughput',
  energy: 'best by energy of the device',
  cost: 'best by cost of the cloud',
  bytes: 'best by bytes sent',
};

function answer(arm: PlanEntry, objective: Objective, now: Situation): string {
  const { uplinkBitsPerSecond, cloudSlowdown } = now;
  const load = cloudSlowdown === 1 ? '' : ` with the cloud ${cloudSlowdown} times slower`;
  const totalMs = latencyMs(arm.cost, now);
  const start = `At ${rateText(uplinkBitsPerSecond)}${load}, ${arm.name} is ${BEST[objective]} with ${msText(totalMs)}`;
  if (arm.kind === 'device') return `${start}: nothing is sent.`;
  const { tailMs, sentBytes } = arm.cost;
  const hereMs = onDeviceMs(arm.cost);
  const awayMs = tailMs * cloudSlowdown;
  const uplinkMs = (sentBytes * 8000) / uplinkBitsPerSecond;
  const parts = `${msText(hereMs)} on the device, ${msText(uplinkMs)} to send ${byteText(sentBytes)}`;
  return `${start}: ${parts}, ${msText(awayMs)} in the cloud, ${msText(totalMs - hereMs - uplinkMs - awayMs)} round trip and reply.`;
}

function comparison(plan: Plan, arm: PlanEntry, now: Situation): string {
  const totalOf = (entry: PlanEntry) => latencyMs(entry.cost, now);
  const others = plan.arms.filter((entry) => entry !== arm);
  const lowest = (entries: readonly PlanEntry[]) => entries.toSorted((a, b) => totalOf(a) - totalOf(b))[0];
  const ofKind = (kind: PlanEntry['kind']) => lowest(others.filter((entry) => entry.kind === kind));
  const named = [ofKind('device'), ofKind('cloud')].filter((entry) => entry !== undefined);
  const second = lowest(others.filter((entry) => entry.excludedBy.length === 0));
  const rivals = second && !named.includes(second) ? [...named, second] : named;
  if (rivals.length === 0) return 'There is nothing else to choose from.';
  const texts = rivals.map((entry) => {
    const note = entry.excludedBy.length > 0 ? `, ruled out by ${entry.excludedBy.join(' and ')}` : '';
    return `${entry.name} would take ${msText(totalOf(entry))} (${percentText(totalOf(entry) / totalOf(arm) - 1)}${note})`;
  });
  const text = texts.join(', ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function horizon(plan: Plan, arm: PlanEntry): string {
  const guess = arm.isGuess ? ', on guessed times' : '';
  const ranges = plan.windows.filter(({ armId }) => armId === arm.id);
  if (ranges.length === 0) return `With an idle cloud it is best on no link${guess}.`;
  const nameOf = (id: string | undefined) => plan.arms.find((entry) => entry.id === id)?.name;
  const [first, last] = [
    plan.windows.indexOf(ranges[0] as never),
    plan.windows.indexOf(ranges.at(-1) as never),
  ];
  const below = nameOf(plan.windows[first - 1]?.armId);
  const above = nameOf(plan.windows[last + 1]?.armId);
  const next = [below && `below that ${below} is`, above && `above that ${above} is`].filter(Boolean);
  const where = ranges.map(ratesText).join(' and ');
  return `With an idle cloud it is best ${where}${guess}${next.length > 0 ? `; ${next.join(', ')}` : ''}.`;
}

function percentText(share: number): string {
  if (share >= 2) return `${Math.round(share + 1)} times as long`;
  return share >= 0 ? `${Math.round(share * 100)} % slower` : `${Math.round(-share * 100)} % faster`;
}
