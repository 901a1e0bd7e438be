/** The one error class of Cutpoint. Its codes are a closed set; the same codes travel on the wire. */

/** What went wrong. docs/lifecycle.md says at which step each code can arise. */
export const ERROR_CODES = [
  'options-invalid', // an option has the wrong type, unit or range
  'model-invalid', // the bytes are not an ONNX model that can be read
  'cut-invalid', // no such cut, or not a legal one
  'input-name', // a feed that the model does not have, or one that is missing
  'input-type', // a feed of another element type than the model's
  'input-shape', // a feed whose rank, dimensions or length do not fit the model's
  'model-unknown', // no gateway in reach serves this model
  'model-mismatch', // the gateway's model has another digest than the device's
  'payload-too-large', // a message over the limit of the gateway, the broker or the user
  'deadline-exceeded', // no answer within deadlineMs
  'broker-unreachable', // the broker cannot be reached, or the login was refused
  'gateway-unavailable', // no gateway answers: it never announced itself, died, or drains
  'overloaded', // the gateway, or the session's own queue, refuses for want of capacity; try again later
  'message-invalid', // bytes on the wire that are not a message of this protocol
  'version-unsupported', // a message of a protocol version that this side does not speak
  'codec-invalid', // a frame that cannot be decoded
  'reference-unknown', // a frame that builds on one which the receiver does not have (any more); send it in full
  'tables-unknown', // a frame that names coder tables which the receiver does not have; send them in the frame
  'encryption-required', // a request in the clear where only sealed ones are taken, or a gateway without seals
  'decryption-failed', // a seal that does not hold: another key, one that is over, or a changed message
  'request-replayed', // a sealed request that was taken before
  'bundle-invalid', // a bundle whose manifest cannot be read, or a part that is not what the manifest says
  'signature-invalid', // a bundle that no trusted key has signed as it is
  'bundle-outdated', // a bundle with a lower counter than one that was taken before
  'placement-denied', // the policy forbids it: a region, a cut, a tensor, a provider, data in the clear
  'runtime-failed', // ONNX Runtime refused the model or the run
  'provider-unavailable', // the execution provider asked for is not there
  'storage-failed', // the disk is full, read-only or broken, or holds what nobody should have written there
  'aborted', // the caller's AbortSignal fired
  'closed', // used after release() or close()
  'internal', // a defect in Cutpoint; please report it
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

const RETRIABLE: ReadonlySet<ErrorCode> = new Set([
  'deadline-exceeded',
  'broker-unreachable',
  'gateway-unavailable',
  'overloaded',
]);

export interface SplitErrorOptions {
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
  readonly price?: number | undefined;
}

// Registered by name, so that two copies of the package recognise each other's errors.
const BRAND = Symbol.for('cutpoint.SplitError');

/** Everything that Cutpoint throws. Branch on `code` and `retriable`, never on the text. */
export class SplitError extends Error {
  override readonly name = 'SplitError';
  readonly code: ErrorCode;

  /** Of a refusal for want of capacity: when to try again, in milliseconds from now; where it is known. */
  readonly retryAfterMs: number | undefined;
  /** Of such a refusal: what a millisecond of the gateway's tail cost others then, in milliseconds of waiting. */
  readonly price: number | undefined;

  /** @param message names the value received and the limit broken. `cause` stays on this machine. */
  constructor(code: ErrorCode, message: string, options: SplitErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.price = options.price;
    // Not a declared property: its symbol would make the types of two copies strangers to each other.
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Whether the same request may succeed later without any change by the caller. */
  get retriable(): boolean {
    return RETRIABLE.has(this.code);
  }
}

/** Whether a value is a SplitError, of this copy of the package or of another. */
export function isSplitError(value: unknown): value is SplitError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** A code received from a peer: unknown ones (from a newer peer) read as `internal`. */
export function toErrorCode(value: string): ErrorCode {
  return (ERROR_CODES as readonly string[]).includes(value) ? (value as ErrorCode) : 'internal';
}

/** The error itself if it is ours, otherwise one with the given code that keeps it as cause. */
export function asSplitError(error: unknown, code: ErrorCode = 'internal'): SplitError {
  if (isSplitError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SplitError(code, message, { cause: error });
}
