/** Canonical JSON: the same content is the same text, whatever order its keys were written in. For hashes and diffs. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Keys in the order of their UTF-16 units, no `undefined`; two blanks of indent. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value), null, 2);
}

/** SHA-256 of the canonical JSON, in hexadecimal. */
export function contentHash(value: unknown): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(value))));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  // Defined, not assigned: a key `__proto__` must stay a key.
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
