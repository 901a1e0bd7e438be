/** A client of the Open Inference Protocol that is not ours: a Python with tritonclient, so that it is not installed for each run. */
import { existsSync } from 'node:fs';

export const OIP_PYTHON = process.env.CUTPOINT_OIP_PYTHON;

/** @throws Error when it is missing and CUTPOINT_REQUIRE names `oip-client` */
export function oipClientMissing(): string | undefined {
  if (OIP_PYTHON !== undefined && existsSync(OIP_PYTHON)) return undefined;
  const reason = 'CUTPOINT_OIP_PYTHON names no Python with tritonclient';
  if ((process.env.CUTPOINT_REQUIRE ?? '').split(',').includes('oip-client')) throw new Error(reason);
  return reason;
}
