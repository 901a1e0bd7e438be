/** A bundle is a folder: the files of one version of a model, a manifest with their digests, and its signatures. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '../errors.ts';
import {
  type BundleHead,
  type BundleManifest,
  type BundlePart,
  decodeManifest,
  encodeManifest,
  invalid,
  MANIFEST_FILE,
  MODEL_PART,
  SIGNATURE_FILE,
} from './manifest.ts';
import {
  type BundleSignature,
  decodeSignatures,
  encodeSignatures,
  signManifest,
  verifyManifest,
} from './signature.ts';
import { readPrivateKey, type TrustedKey } from './signing-keys.ts';

export interface CreateBundleOptions {
  readonly model: string;
  readonly version: string;
  readonly counter: number;
  readonly createdAt: Date;
  /** Where `model.onnx` is the head of a model alone. */
  readonly head?: BundleHead | undefined;
}

export interface VerifyBundleOptions {
  /** Public keys, one of which must have signed. Without them only digests are checked. */
  readonly trustedKeys?: readonly TrustedKey[] | undefined;
  /** The highest counter of this model that was ever taken: see counters.ts. @default none */
  readonly leastCounter?: number | undefined;
}

/** A bundle whose manifest has been read, and verified where keys were given. Its parts have not, yet. */
export interface Bundle {
  readonly directory: string;
  readonly manifest: BundleManifest;
  /** Of the key that vouches for it; `undefined` where none was asked for. */
  readonly signedBy: string | undefined;
}

/**
 * Writes the manifest of all files in the folder, in place of one that was there; old signatures no longer hold.
 * @throws SplitError `bundle-invalid` for links, odd names, or a folder without `model.onnx`
 */
export async function createBundle(directory: string, o: CreateBundleOptions): Promise<BundleManifest> {
  const parts: BundlePart[] = [];
  const paths = await listParts(directory);
  if (!paths.includes(MODEL_PART)) throw invalid(`${directory} holds no ${MODEL_PART}`);
  for (const path of paths) parts.push({ path, ...(await digestOf(directory, path)) });
  const manifest: BundleManifest = {
    format: 'cutpoint-bundle',
    formatVersion: 1,
    model: o.model,
    version: o.version,
    counter: o.counter,
    createdAt: o.createdAt.toISOString(),
    ...(o.head && { head: o.head }),
    parts,
  };
  await writeFile(join(directory, MANIFEST_FILE), encodeManifest(manifest));
  return decodeManifest(encodeManifest(manifest));
}

/** Adds a signature to those that are there and hold for the manifest; one of the same key is replaced. @returns the key's id */
export async function signBundle(directory: string, privateKeyPem: string): Promise<string> {
  const key = readPrivateKey(privateKeyPem);
  const bytes = await readManifestBytes(directory);
  decodeManifest(bytes);
  const own = signManifest(bytes, key);
  const others = (await readSignatures(directory)).filter(({ keyId }) => keyId !== own.keyId);
  await writeFile(join(directory, SIGNATURE_FILE), encodeSignatures([...others, own]));
  return own.keyId;
}

/**
 * Reads the manifest and decides whether to believe it; parts are read by no one before this.
 * @throws SplitError `bundle-invalid`, `signature-invalid`, `bundle-outdated`
 */
export async function openBundle(directory: string, o: VerifyBundleOptions = {}): Promise<Bundle> {
  const bytes = await readManifestBytes(directory);
  const { trustedKeys: trusted } = o;
  // The signature first: what nobody vouches for is not even parsed.
  const signedBy = trusted && verifyManifest(bytes, await readSignatures(directory), trusted);
  const manifest = decodeManifest(bytes);
  checkCounter(manifest, o.leastCounter);
  return { directory, manifest, signedBy };
}

/** @throws SplitError `bundle-outdated` where one with a higher counter was taken before */
export function checkCounter({ model, version, counter }: BundleManifest, least = 0): void {
  if (counter >= least) return;
  throw new SplitError(
    'bundle-outdated',
    `version ${version} of ${model} has counter ${counter}; one with ${least} was taken before`,
  );
}

/**
 * Compares every part with its digest, and sees that nothing else is in the folder.
 * @throws SplitError `bundle-invalid`, naming the first part that is not as it was
 */
export async function verifyParts({ directory, manifest }: Bundle): Promise<void> {
  const known = new Set(manifest.parts.map(({ path }) => path));
  const stray = (await listParts(directory)).find((path) => !known.has(path));
  if (stray !== undefined) throw invalid(`${stray} is in the folder and not in ${MANIFEST_FILE}`);
  for (const part of manifest.parts) await verifyPart(directory, part);
}

/** One part, wherever it lies; for those who fetch parts one by one. @throws SplitError `bundle-invalid` */
export async function verifyPart(directory: string, part: BundlePart): Promise<void> {
  const { bytes, sha256 } = await digestOf(directory, part.path);
  if (bytes === part.bytes && sha256 === part.sha256) return;
  const what =
    bytes === part.bytes
      ? `another digest than ${MANIFEST_FILE} says`
      : `${bytes} bytes; ${MANIFEST_FILE} says ${part.bytes}`;
  throw invalid(`${part.path} has ${what}`);
}

async function readManifestBytes(directory: string): Promise<Uint8Array> {
  try {
    return await readFile(join(directory, MANIFEST_FILE));
  } catch (cause) {
    throw invalid(`${directory} holds no ${MANIFEST_FILE} that can be read`, cause);
  }
}

async function readSignatures(directory: string): Promise<readonly BundleSignature[]> {
  let text: string;
  try {
    text = await readFile(join(directory, SIGNATURE_FILE), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw invalid(`${SIGNATURE_FILE} cannot be read`, cause);
  }
  return decodeSignatures(text);
}

/** All files but manifest and signatures. A link could lead out, or be turned elsewhere after it was verified. */
async function listParts(directory: string): Promise<string[]> {
  const found: string[] = [];
  let entries: string[];
  try {
    entries = await readdir(directory, { recursive: true });
  } catch (cause) {
    throw invalid(`${directory} cannot be read`, cause);
  }
  for (const entry of entries) {
    const path = entry.replaceAll('\\', '/');
    const stats = await lstat(join(directory, entry));
    if (stats.isDirectory() || path === MANIFEST_FILE || path === SIGNATURE_FILE) continue;
    if (!stats.isFile()) throw invalid(`${path} is a link or no file; a bundle holds files`);
    found.push(path);
  }
  return found.sort();
}

async function digestOf(directory: string, path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const handle = await open(join(directory, path), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const buffer = new Uint8Array(1 << 18);
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length);
        if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
        hash.update(buffer.subarray(0, bytesRead));
        bytes += bytesRead;
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw invalid(`${path} cannot be read`, cause);
  }
}
