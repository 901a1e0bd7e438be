/** What the strategy document is made of, and facts with where they are from. */
import type { CapacityReport } from '../capacity/capacity-report.ts';
import type { Plan } from '../planner/plan-file.ts';
import type { HtmlTable } from '../report/html.ts';
import type { LeakageReport } from './report-leakage.ts';

export interface StrategySources {
  readonly plan: Plan;
  readonly capacity: CapacityReport;
  /** Content of policy.yaml. */
  readonly policy: unknown;
  readonly leakage: LeakageReport | undefined;
  readonly seed: number;
  readonly command: string;
  readonly date: Date;
  readonly digests: readonly { readonly file: string; readonly sha256: string }[];
}

const FACTS = [{ title: 'what' }, { title: 'value' }, { title: 'from' }] as const;

export function facts(
  caption: string,
  rows: readonly (readonly [what: string, value: string, from: string])[],
): HtmlTable {
  return { caption, columns: FACTS, rows };
}

/** Every value of a document with the path to it. */
export function leaves(value: unknown, path: string): readonly (readonly [path: string, value: string])[] {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return [[path, textOf(value)]];
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`));
  return value === undefined || value === null ? [] : [[path, textOf(value)]];
}

export function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}
