/** Whether what a gateway announces of a model covers a part of it. */
import type { AnnouncedCut, AnnouncedModel } from './announcement.ts';

/** The ends of a model, where a cut's id would stand. */
export const INPUT_END = 'input';
export const OUTPUTS_END = 'outputs';

export interface RangeEnds {
  /** A cut's id, or `input`. */
  readonly from: string;
  /** A cut's id. @default 'outputs' */
  readonly to?: string | undefined;
}

/** Whole tails are answered by every gateway from its cuts; what stops at a cut, by those that announce a range. */
export function servesRange(model: AnnouncedModel, { from, to = OUTPUTS_END }: RangeEnds): boolean {
  const { range } = model;
  if (range === undefined) return to === OUTPUTS_END && placesOf(model.cuts).includes(from);
  const places = placesOf(range.cuts ?? model.cuts);
  const [start, end, first, last] = [from, to, range.from, range.to].map((id) => places.indexOf(id));
  if (start === undefined || end === undefined || first === undefined || last === undefined) return false;
  return start >= 0 && first >= 0 && start >= first && start < end && end <= last;
}

/** Time of a range as the gateway measured it, in milliseconds; `undefined` where it does not serve it, or did not time it. */
export function rangeMs(model: AnnouncedModel, ends: RangeEnds): number | undefined {
  if (!servesRange(model, ends)) return undefined;
  const cuts = model.range?.cuts ?? model.cuts;
  const restMs = (id: string) => cuts.find((cut) => cut.id === id)?.tailMs;
  const startMs = restMs(ends.from) ?? (ends.from === INPUT_END ? model.inputTailMs : undefined);
  const endMs = ends.to === undefined ? 0 : restMs(ends.to);
  return startMs === undefined || endMs === undefined ? undefined : Math.max(0, startMs - endMs);
}

/** Cuts are announced by their place in the model. */
function placesOf(cuts: readonly AnnouncedCut[]): readonly string[] {
  return [INPUT_END, ...cuts.map(({ id }) => id), OUTPUTS_END];
}
