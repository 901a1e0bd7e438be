/** Which Node our programs need. On an older one they start, and what runs models fails with words that say nothing. */
import { SplitError } from '../errors.ts';

export const LEAST_NODE = '22.12';

/** @param version as `process.versions.node` has it */
export function isRecentNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = LEAST_NODE.split('.').map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/** @throws SplitError `options-invalid` */
export function requireRecentNode(version: string = process.versions.node): void {
  if (isRecentNode(version)) return;
  throw new SplitError('options-invalid', `this is Node ${version}; install Node ${LEAST_NODE} or newer`);
}
