/** Encoded tensors by name, as a message carries them: one after the other in the payload, lengths in the header. */
import { SplitError } from '../errors.ts';
import type { TensorField } from '../protocol/v1/messages.ts';

export interface NamedFrame {
  readonly name: string;
  /** A frame of the codec; opaque here. */
  readonly frame: Uint8Array;
}

export function tensorFields(tensors: readonly NamedFrame[]): TensorField[] {
  return tensors.map(({ name, frame }) => ({ name, bytes: frame.length }));
}

/** Views of the payload. @throws SplitError `message-invalid` where lengths and payload differ, or a name comes twice */
export function splitFrames(fields: readonly TensorField[], payload: Uint8Array): NamedFrame[] {
  const claimed = fields.reduce((sum, { bytes }) => sum + bytes, 0);
  const names = new Set(fields.map(({ name }) => name));
  if (claimed !== payload.length || names.size !== fields.length) {
    const text = `${fields.length} tensors of ${claimed} bytes in a payload of ${payload.length}`;
    throw new SplitError('message-invalid', text);
  }
  let at = 0;
  return fields.map(({ name, bytes }) => {
    at += bytes;
    return { name, frame: payload.subarray(at - bytes, at) };
  });
}
