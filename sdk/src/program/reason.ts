/** Why a file could not be read, for one line of a terminal. */
import { isSplitError } from '../errors.ts';

const MOST_CHARACTERS = 200;

/** The first line. Parsers quote what they could not read, which may be the whole of a file of another kind. */
export function reasonOf(cause: unknown): string {
  if (isSplitError(cause)) return cause.message;
  const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1);
  return line.length <= MOST_CHARACTERS ? line : `${line.slice(0, MOST_CHARACTERS)}…`;
}
