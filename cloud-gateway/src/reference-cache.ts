/**
 * What devices' last frames left, for frames that build on them. Bounded in bytes, in age and in number for each tensor;
 * a device whose reference is gone is told so and sends in full.
 */
import type { Clock, Reference } from '@cutpoint/sdk/gateway';

export interface ReferenceCacheOptions {
  readonly clock: Clock;
  /** Of all devices together. @default 67108864 (64 MiB) */
  readonly maxBytes?: number;
  /** Of one tensor: as many requests as a device may have under way. @default 8 */
  readonly maxPerTensor?: number;
  /** Since a reference was last used, in milliseconds. @default 60000 */
  readonly maxAgeMs?: number;
}

/** Whose tensor it is: references of others are never found. */
export interface ReferenceOwner {
  readonly device: string;
  readonly digest: string;
  readonly cut: string;
  readonly tensor: string;
}

export interface ReferenceCache {
  find(owner: ReferenceOwner, id: string): Reference | undefined;
  keep(owner: ReferenceOwner, reference: Reference): void;
  /** Drops what is too old, also where nobody asks. */
  sweep(): void;
  /** Bytes of symbols held now. */
  readonly bytes: number;
}

interface Entry {
  readonly tensor: string;
  readonly reference: Reference;
  usedMs: number;
}

export function createReferenceCache(options: ReferenceCacheOptions): ReferenceCache {
  const { clock, maxBytes = 64 * 2 ** 20, maxPerTensor = 8, maxAgeMs = 60_000 } = options;
  // In the order of their last use, the longest unused first.
  const entries = new Map<string, Entry>();
  const perTensor = new Map<string, number>();
  let bytes = 0;

  function drop(key: string, { tensor, reference }: Entry): void {
    entries.delete(key);
    bytes -= reference.symbols.length;
    const left = (perTensor.get(tensor) ?? 1) - 1;
    if (left === 0) perTensor.delete(tensor);
    else perTensor.set(tensor, left);
  }

  function dropOld(): void {
    const oldestMs = clock.nowMs() - maxAgeMs;
    for (const [key, entry] of entries) {
      if (entry.usedMs >= oldestMs && bytes <= maxBytes) return;
      drop(key, entry);
    }
  }

  function dropOneOf(tensor: string): void {
    for (const [key, entry] of entries) {
      if (entry.tensor !== tensor) continue;
      drop(key, entry);
      return;
    }
  }

  function touch(key: string, entry: Entry): void {
    entries.delete(key);
    entry.usedMs = clock.nowMs();
    entries.set(key, entry);
  }

  function find(owner: ReferenceOwner, id: string): Reference | undefined {
    dropOld();
    const key = keyOf(owner, id);
    const entry = entries.get(key);
    if (entry !== undefined) touch(key, entry);
    return entry?.reference;
  }

  function keep(owner: ReferenceOwner, reference: Reference): void {
    if (reference.symbols.length > maxBytes) return;
    const key = keyOf(owner, reference.id);
    const known = entries.get(key);
    if (known !== undefined) drop(key, known);
    const tensor = keyOf(owner, '');
    if ((perTensor.get(tensor) ?? 0) >= maxPerTensor) dropOneOf(tensor);
    entries.set(key, { tensor, reference, usedMs: clock.nowMs() });
    perTensor.set(tensor, (perTensor.get(tensor) ?? 0) + 1);
    bytes += reference.symbols.length;
    dropOld();
  }

  return {
    find,
    keep,
    sweep: dropOld,
    get bytes() {
      return bytes;
    },
  };
}

export interface SweptReferences {
  readonly references: ReferenceCache;
  stop(): void;
}

/**
 * A cache whose entries are gone so long after their last use, asked for or not.
 * @param retentionMs `undefined`: as long as the cache's own limits
 * @returns it, and how to stop looking after it
 */
export function createSweptReferences(clock: Clock, retentionMs: number | undefined): SweptReferences {
  if (retentionMs === undefined) return { references: createReferenceCache({ clock }), stop: () => {} };
  const maxAgeMs = Math.min(60_000, retentionMs / 2);
  const references = createReferenceCache({ clock, maxAgeMs });
  const timer = setInterval(() => references.sweep(), Math.max(1, maxAgeMs));
  timer.unref();
  return { references, stop: () => clearInterval(timer) };
}

function keyOf({ device, digest, cut, tensor }: ReferenceOwner, id: string): string {
  return JSON.stringify([device, digest, cut, tensor, id]);
}
