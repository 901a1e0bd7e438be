/** How an error is shown to the person who started a program: one line that says what to do next. */
import { asSplitError, type ErrorCode } from '../errors.ts';

/** `error[broker-unreachable]: what was wrong; what to do` */
export function formatError(error: unknown, advice: Partial<Record<ErrorCode, string>> = {}): string {
  const { code, message } = asSplitError(error);
  const hint = advice[code];
  return `error[${code}]: ${message}${hint === undefined ? '' : `; ${hint}`}`;
}
