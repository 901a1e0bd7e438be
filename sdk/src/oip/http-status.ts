/** Which HTTP status says what a SplitError's code says. */
import type { ErrorCode } from '../errors.ts';

const STATUSES: Record<ErrorCode, number> = {
  'options-invalid': 400,
  'model-invalid': 500,
  'cut-invalid': 400,
  'input-name': 400,
  'input-type': 400,
  'input-shape': 400,
  'model-unknown': 404,
  'model-mismatch': 502,
  'payload-too-large': 413,
  'deadline-exceeded': 504,
  'broker-unreachable': 503,
  'gateway-unavailable': 503,
  overloaded: 503,
  'message-invalid': 502,
  'version-unsupported': 502,
  'codec-invalid': 502,
  'reference-unknown': 502,
  'tables-unknown': 502,
  'encryption-required': 502,
  'decryption-failed': 502,
  'request-replayed': 502,
  'bundle-invalid': 500,
  'signature-invalid': 500,
  'bundle-outdated': 500,
  'placement-denied': 403,
  'runtime-failed': 500,
  'provider-unavailable': 503,
  'storage-failed': 507,
  aborted: 499,
  closed: 503,
  internal: 500,
};

export function httpStatusOf(code: ErrorCode): number {
  return STATUSES[code];
}
