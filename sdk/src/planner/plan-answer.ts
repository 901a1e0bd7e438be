/** A plan in one sentence: what to do on which links, and whether splitting pays at all. */
import type { Plan, PlanEntry, PlanWindow } from './plan-file.ts';
import { ratesText, rateText } from './win-window.ts';

/** `Below 734 kbit/s stay on the device; from there to 5.1 Mbit/s cut at mixed4 as uint8; above send the picture.` */
export function planAnswer(plan: Plan): string {
  const kept = deadlineText(plan);
  const whole = plan.windows.map((window, index) => clause(plan, window, index === 0)).join('; ');
  const text = `${whole.charAt(0).toUpperCase()}${whole.slice(1)}.`;
  return [text, kept, verdict(plan)].filter((part) => part !== '').join(' ');
}

function clause(plan: Plan, window: PlanWindow, isFirst: boolean): string {
  const arm = plan.arms.find(({ id }) => id === window.armId);
  const { toBitsPerSecond } = window;
  // Windows adjoin: where one ends the next begins.
  const next = toBitsPerSecond === null ? 'above' : `from there to ${rateText(toBitsPerSecond)}`;
  return arm ? `${isFirst ? ratesText(window) : next} ${actionText(arm)}` : '';
}

function actionText({ kind, name, id }: PlanEntry): string {
  if (kind === 'device') return 'stay on the device';
  if (kind === 'split') return `cut at ${name}`;
  return id.endsWith('/image') ? 'send the picture' : `send ${name}`;
}

/** Said only where splitting never is best: where it is, the sentence shows it. */
function verdict({ windows, arms }: Plan): string {
  const kinds = new Map(arms.map(({ id, kind }) => [id, kind]));
  if (windows.some(({ armId }) => kinds.get(armId) === 'split')) return '';
  if (!arms.some(({ kind }) => kind === 'split')) return 'No cut competed.';
  const allowed = arms.filter(({ kind, excludedBy }) => kind === 'split' && excludedBy.length === 0);
  return allowed.length > 0
    ? 'Splitting this model does not pay on any link.'
    : 'Every cut is ruled out by the policy.';
}

function deadlineText({ wish, windows }: Plan): string {
  const { deadlineMs } = wish.constraints;
  const slowest = windows[0]?.fromBitsPerSecond ?? null;
  if (deadlineMs === undefined || slowest === null) return '';
  return `Below ${rateText(slowest)} no arm keeps the deadline of ${deadlineMs} ms.`;
}
