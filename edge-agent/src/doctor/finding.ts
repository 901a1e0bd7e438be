/** What the doctor found: one line, and what to do about it. */

export type Level = 'ok' | 'warning' | 'failure';

export interface Finding {
  /** What was looked at: `broker`, `disk`, `model net`, ... */
  readonly check: string;
  readonly level: Level;
  /** What is, with names and numbers. */
  readonly what: string;
  /** What to do; absent where nothing is to be done. */
  readonly advice?: string;
}

export const ok = (check: string, what: string): Finding => ({ check, level: 'ok', what });

export const warning = (check: string, what: string, advice: string): Finding => ({
  check,
  level: 'warning',
  what,
  advice,
});

export const failure = (check: string, what: string, advice: string): Finding => ({
  check,
  level: 'failure',
  what,
  advice,
});

/** 0 all well, 3 warnings only, 1 something does not work. */
export function severityOf(findings: readonly Finding[]): 0 | 1 | 3 {
  if (findings.some(({ level }) => level === 'failure')) return 1;
  return findings.some(({ level }) => level === 'warning') ? 3 : 0;
}
