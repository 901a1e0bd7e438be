/** Three sentences: what is best on a link, against what, and until when. */
import { SplitError } from '../errors.ts';
import { lineAt, msPerByte } from './envelope.ts';
import type { Plan, PlanEntry } from './plan-file.ts';
import { lookUp } from './plan-map.ts';
import { armLine } from './planned-arm.ts';
import { ratesText, rateText } from './win-window.ts';

export interface ExplainOptions {
  readonly uplinkBitsPerSecond: number;
  /** How many times slower than measured the cloud is. @default 1 */
  readonly cloudSlowdown?: number;
}

/**
 * Why an arm is the best of the plan on one link.
 * @throws SplitError `options-invalid` for a link outside of the plan's range, or a plan that allows no arm
 */
export function explainPlan(plan: Plan, { uplinkBitsPerSecond, cloudSlowdown = 1 }: ExplainOptions): string {
  const x = msPerByte(uplinkBitsPerSecond);
  const found = lookUp({ arms: plan.arms, link: plan.link, levels: plan.map }, { x, cloudSlowdown });
  const arm = found && plan.arms[found.index];
  if (!arm) throw outsideOf(plan, uplinkBitsPerSecond);
  const totalOf = (entry: PlanEntry) => lineAt(armLine(entry, plan.link, cloudSlowdown), x);
  return [
    answer(arm, {
      uplinkBitsPerSecond,
      cloudSlowdown,
      totalMs: totalOf(arm),
      uplinkMs: x * arm.cost.sentBytes,
    }),
    comparison(plan, arm, totalOf),
    horizon(plan, arm),
  ].join(' ');
}

interface AnswerFigures extends Required<ExplainOptions> {
  readonly totalMs: number;
  readonly uplinkMs: number;
}

function answer(
  arm: PlanEntry,
  { uplinkBitsPerSecond, cloudSlowdown, totalMs, uplinkMs }: AnswerFigures,
): string {
  const load = cloudSlowdown === 1 ? '' : ` with the cloud ${cloudSlowdown} times slower`;
  const start = `At ${rateText(uplinkBitsPerSecond)}${load}, ${arm.name} is best with ${msText(totalMs)}`;
  if (arm.kind === 'device') return `${start}: nothing is sent.`;
  const { headMs, encodeMs, decodeMs, tailMs } = arm.cost;
  const hereMs = headMs + encodeMs + decodeMs;
  const awayMs = tailMs * cloudSlowdown;
  const parts = `${msText(hereMs)} on the device, ${msText(uplinkMs)} to send ${bytesText(arm.cost.sentBytes)}`;
  return `${start}: ${parts}, ${msText(awayMs)} in the cloud, ${msText(totalMs - hereMs - uplinkMs - awayMs)} round trip and reply.`;
}

function comparison(plan: Plan, arm: PlanEntry, totalOf: (entry: PlanEntry) => number): string {
  const ownMs = totalOf(arm);
  const others = plan.arms.filter((entry) => entry !== arm);
  const ofKind = (kind: PlanEntry['kind']) =>
    lowest(
      others.filter((entry) => entry.kind === kind),
      totalOf,
    );
  const named = [ofKind('device'), ofKind('cloud')].filter((entry) => entry !== undefined);
  const second = lowest(
    others.filter((entry) => entry.excludedBy.length === 0),
    totalOf,
  );
  const rivals = second && !named.includes(second) ? [...named, second] : named;
  if (rivals.length === 0) return 'There is nothing else to choose from.';
  const texts = rivals.map((entry) => {
    const note = entry.excludedBy.length > 0 ? `, ruled out by ${entry.excludedBy.join(' and ')}` : '';
    return `${entry.name} would take ${msText(totalOf(entry))} (${percentText(totalOf(entry) / ownMs - 1)}${note})`;
  });
  const text = texts.join(', ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function horizon(plan: Plan, arm: PlanEntry): string {
  const guess = arm.isGuess ? ', on guessed times' : '';
  if (!arm.best) return `With an idle cloud it is best on no link${guess}.`;
  const { fromBitsPerSecond, toBitsPerSecond } = arm.best;
  const below = plan.arms.find(
    ({ best }) => best && best.toBitsPerSecond === fromBitsPerSecond && fromBitsPerSecond !== null,
  );
  const above = plan.arms.find(
    ({ best }) => best && best.fromBitsPerSecond === toBitsPerSecond && toBitsPerSecond !== null,
  );
  const next = [below && `below that ${below.name} is`, above && `above that ${above.name} is`].filter(
    Boolean,
  );
  return `With an idle cloud it is best ${ratesText(arm.best)}${guess}${next.length > 0 ? `; ${next.join(', ')}` : ''}.`;
}

function lowest(entries: readonly PlanEntry[], totalOf: (entry: PlanEntry) => number): PlanEntry | undefined {
  return entries.toSorted((a, b) => totalOf(a) - totalOf(b))[0];
}

function msText(ms: number): string {
  return `${ms < 10 ? Number(ms.toPrecision(2)) : Math.round(ms)} ms`;
}

function bytesText(bytes: number): string {
  return bytes < 1000 ? `${Math.round(bytes)} bytes` : `${Number((bytes / 1000).toPrecision(3))} kB`;
}

function percentText(share: number): string {
  return share >= 0 ? `${Math.round(share * 100)} % slower` : `${Math.round(-share * 100)} % faster`;
}

function outsideOf({ fromBitsPerSecond, toBitsPerSecond, arms }: Plan, rate: number): SplitError {
  const blocked = arms.every((arm) => arm.excludedBy.length > 0);
  const range = `${rateText(fromBitsPerSecond)} to ${rateText(toBitsPerSecond)}`;
  const reasons = [...new Set(arms.flatMap((arm) => arm.excludedBy))].join(', ');
  const message = blocked
    ? `no arm is allowed by ${reasons}`
    : `uplink of ${rateText(rate)} is not within ${range}`;
  return new SplitError('options-invalid', message);
}
