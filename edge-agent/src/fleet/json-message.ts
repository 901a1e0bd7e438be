/** Small documents in JSON, which an operator can read and write with any MQTT tool. */
import { SplitError } from '@cutpoint/sdk';
import { describeIssues } from '@cutpoint/sdk/program';
import type { z } from 'zod';

/** Large twins are what brokers of clouds refuse: 8 KiB at AWS, 32 KiB at Azure. */
const MAX_DOCUMENT_BYTES = 32_768;

export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** @throws SplitError `message-invalid`, naming every field that is wrong */
export function decodeJson<Schema extends z.ZodType>(payload: Uint8Array, schema: Schema): z.output<Schema> {
  if (payload.length > MAX_DOCUMENT_BYTES)
    throw invalid(`a document of ${payload.length} bytes; the limit is ${MAX_DOCUMENT_BYTES}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch (cause) {
    throw invalid('the document is not JSON', cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(describeIssues(parsed.error));
}

function invalid(what: string, cause?: unknown): SplitError {
  return new SplitError('message-invalid', what, { cause });
}
