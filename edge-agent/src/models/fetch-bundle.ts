/** The first half of an update: manifest, signature, counter, room on the disk, and the parts. Nothing in use is touched. */
import { asSplitError, SplitError } from '@cutpoint/sdk';
import {
  type BundleManifest,
  type BundlePart,
  checkCounter,
  decodeManifest,
  decodeSignatures,
  MANIFEST_FILE,
  SIGNATURE_FILE,
  type TrustedKey,
  verifyManifest,
} from '@cutpoint/sdk/bundle';
import type { BlobCache } from './blob-cache.ts';
import { type BundleSource, readSmall } from './bundle-source.ts';
import type { SignedManifest } from './model-store.ts';
import { pause, type RateLimit } from './rate-limit.ts';

const MAX_MANIFEST_BYTES = 1 << 20;
const MAX_SIGNATURE_BYTES = 1 << 16;
/** Left free on the disk, for logs and for what else lives there. */
const RESERVE_BYTES = 1 << 24;
/** Lost links in a row, without a byte between them, after which an update gives up. */
const MAX_LOSSES = 8;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

export interface ManifestRules {
  readonly model: string;
  readonly trustedKeys: readonly TrustedKey[] | undefined;
  readonly leastCounter: number;
  /** The policy keeps the weights of the tail off this device. */
  readonly takesHeadAlone: boolean;
}

/** @throws SplitError `bundle-invalid`, `signature-invalid`, `bundle-outdated`, `placement-denied`, or what the link says */
export async function fetchManifest(
  source: BundleSource,
  rules: ManifestRules,
  signal: AbortSignal,
): Promise<SignedManifest> {
  const read = (path: string, maxBytes: number) =>
    patiently(signal, () => readSmall(source, path, { maxBytes, signal }));
  const bytes = await read(MANIFEST_FILE, MAX_MANIFEST_BYTES);
  if (bytes === undefined) throw invalid(`${MANIFEST_FILE} has more than ${MAX_MANIFEST_BYTES} bytes`);
  const signatures = await signaturesOf(rules, () => read(SIGNATURE_FILE, MAX_SIGNATURE_BYTES));
  const manifest = readManifest(bytes, signatures, rules);
  return { bytes, signatures, manifest };
}

/** Where no key is asked for, a bundle need not be signed. */
async function signaturesOf(
  { trustedKeys }: ManifestRules,
  read: () => Promise<Buffer | undefined>,
): Promise<Buffer> {
  try {
    const bytes = await read();
    if (bytes === undefined) throw invalid(`${SIGNATURE_FILE} has more than ${MAX_SIGNATURE_BYTES} bytes`);
    return bytes;
  } catch (error) {
    if (trustedKeys === undefined && asSplitError(error).code === 'bundle-invalid') return Buffer.alloc(0);
    throw error;
  }
}

function readManifest(bytes: Buffer, signatures: Buffer, rules: ManifestRules): BundleManifest {
  const { model, trustedKeys, leastCounter, takesHeadAlone } = rules;
  if (trustedKeys !== undefined)
    verifyManifest(bytes, decodeSignatures(signatures.toString('utf8')), trustedKeys);
  const manifest = decodeManifest(bytes);
  if (manifest.model !== model)
    throw invalid(`the bundle is of model '${manifest.model}'; expected '${model}'`);
  checkCounter(manifest, leastCounter);
  // Here and not when it is opened: by then its weights would lie on the disk.
  if (takesHeadAlone && !manifest.head)
    throw new SplitError(
      'placement-denied',
      'the bundle holds the whole model, and the policy keeps the weights of the tail in the cloud',
    );
  return manifest;
}

/** @throws SplitError `storage-failed` where the disk has not the room for what is still missing */
export async function checkSpace(blobs: BlobCache, parts: readonly BundlePart[]): Promise<void> {
  const here = await Promise.all(parts.map((part) => blobs.have(part)));
  const missing = parts.reduce((sum, { bytes }, index) => sum + Math.max(0, bytes - (here[index] ?? 0)), 0);
  const free = await blobs.freeBytes();
  if (missing === 0 || missing + RESERVE_BYTES <= free) return;
  throw new SplitError(
    'storage-failed',
    `${missing} bytes are missing, ${RESERVE_BYTES} stay free, and the disk has ${free}`,
  );
}

export interface FetchPartsOptions {
  readonly source: BundleSource;
  readonly blobs: BlobCache;
  readonly limit: RateLimit;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

/** @returns each part's path in the bundle, and where its verified bytes are */
export async function fetchParts(
  parts: readonly BundlePart[],
  options: FetchPartsOptions,
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  let came = 0;
  const onProgress = (bytes: number) => {
    came += bytes;
    options.onProgress(bytes);
  };
  for (const part of parts) {
    const fetch = () => options.blobs.fetch(part, { ...options, onProgress });
    files.set(part.path, await patiently(options.signal, fetch, () => came));
  }
  return files;
}

/** Again after a lost link, with longer and longer pauses while nothing comes. */
async function patiently<T>(
  signal: AbortSignal,
  work: () => Promise<T>,
  progress: () => number = () => 0,
): Promise<T> {
  let [losses, before] = [0, progress()];
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!asSplitError(error).retriable) throw error;
      losses = progress() > before ? 1 : losses + 1;
      before = progress();
      if (losses >= MAX_LOSSES) throw error;
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** (losses - 1), LONGEST_PAUSE_MS), signal);
    }
  }
}

function invalid(what: string): SplitError {
  return new SplitError('bundle-invalid', what);
}
