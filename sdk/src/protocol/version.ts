/** The protocol's version, `v` in every header. A message of another version is answered, never guessed at. */
import { SplitError } from '../errors.ts';

export const PROTOCOL_VERSION = 1;

/** @throws SplitError `version-unsupported`, or `message-invalid` where there is no version at all */
export function checkVersion(header: unknown): void {
  const version = typeof header === 'object' && header !== null && 'v' in header ? header.v : undefined;
  if (version === PROTOCOL_VERSION) return;
  if (typeof version === 'number' && Number.isInteger(version)) {
    throw new SplitError(
      'version-unsupported',
      `message of version ${version}; this side speaks ${PROTOCOL_VERSION}`,
    );
  }
  throw new SplitError('message-invalid', 'the header has no version');
}
