/**
 * The manifest of a bundle: which model it is, its rank among its versions, and the digest of every file in it. Its bytes
 * are what is signed, so they are kept as they came; the file is called `bundle.json`.
 */
import { z } from 'zod';
import { SplitError } from '../errors.ts';

export interface BundlePart {
  /** Relative to the bundle, with `/` between folders. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly sha256: string;
}

export interface BundleManifest {
  readonly format: 'cutpoint-bundle';
  readonly formatVersion: 1;
  /** The name under which gateways serve the model and devices ask for it. */
  readonly model: string;
  /** For people and folder names, such as `3` or `2026-11-25`. */
  readonly version: string;
  /**
   * Rises with every bundle of this model that is published. Who has taken one takes none with a lower counter, so that an
   * old version with a true signature cannot be put in the place of a new one.
   */
  readonly counter: number;
  /** When it was made, ISO 8601. */
  readonly createdAt: string;
  /** There where `model.onnx` is the head of the model alone: where it ends, and of which model it is. */
  readonly head?: BundleHead | undefined;
  /** By path, ascending; `model.onnx` is among them. */
  readonly parts: readonly BundlePart[];
}

export interface BundleHead {
  /** Id of the deepest cut that a device can use. */
  readonly cut: string;
  /** Digest of the whole model, which gateways serve. */
  readonly modelDigest: string;
}

export const MANIFEST_FILE = 'bundle.json';
export const SIGNATURE_FILE = 'bundle.sig.json';
/** The part that every bundle has. */
export const MODEL_PART = 'model.onnx';

const MAX_MANIFEST_BYTES = 1 << 20;
const MAX_PARTS = 1024;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
/** Letters that are the same on every file system; no part of it begins with a dot, so nothing leads out or hides. */
const PATH = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,7}$/;

const name = z.string().regex(NAME, 'expected 1 to 64 of A-Z a-z 0-9 _ . -');
const schema = z.strictObject({
  format: z.literal('cutpoint-bundle'),
  formatVersion: z.literal(1),
  model: name,
  version: name,
  counter: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  createdAt: z.iso.datetime(),
  head: z
    .strictObject({
      cut: z.string().regex(/^[0-9a-f]{16}$/, 'expected the id of a cut'),
      modelDigest: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
    })
    .optional(),
  parts: z
    .array(
      z.strictObject({
        path: z.string().max(255).regex(PATH, 'expected a relative path of A-Z a-z 0-9 _ . - and /'),
        bytes: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
      }),
    )
    .max(MAX_PARTS),
});

/** @throws SplitError `bundle-invalid` for a name, path or number that no reader would accept */
export function encodeManifest(manifest: BundleManifest): Uint8Array {
  const parts = [...manifest.parts].sort((a, b) => (a.path < b.path ? -1 : 1));
  const checked = check({ ...manifest, parts });
  return new TextEncoder().encode(`${JSON.stringify(checked, null, 2)}\n`);
}

/** Believe it only once its signature was verified. @throws SplitError `bundle-invalid` */
export function decodeManifest(bytes: Uint8Array): BundleManifest {
  if (bytes.length > MAX_MANIFEST_BYTES)
    throw invalid(`${MANIFEST_FILE} has ${bytes.length} bytes; the limit is ${MAX_MANIFEST_BYTES}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(`${MANIFEST_FILE} is not JSON`, cause);
  }
  return check(value);
}

function check(value: unknown): BundleManifest {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw invalid(`${MANIFEST_FILE}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`);
  const paths = parsed.data.parts.map(({ path }) => path.toLowerCase());
  // Some file systems cannot tell capitals from small letters.
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice !== undefined) throw invalid(`${MANIFEST_FILE} names ${twice} twice`);
  if (paths.includes(MANIFEST_FILE) || paths.includes(SIGNATURE_FILE))
    throw invalid(`${MANIFEST_FILE} names itself or its signature`);
  if (!paths.includes(MODEL_PART)) throw invalid(`${MANIFEST_FILE} names no ${MODEL_PART}`);
  return parsed.data;
}

export function invalid(what: string, cause?: unknown): SplitError {
  return new SplitError('bundle-invalid', what, { cause });
}
