/**
 * A model behind a URL, for pages: fetched in pieces by range and kept in Cache Storage, each piece under its digest. A
 * download that broke off goes on where it stopped, and what is kept opens without a network.
 */
import { SplitError } from '../errors.ts';
import { type KeptPieces, keepPieces } from './kept-pieces.ts';
import type { ModelSource } from './model-source.ts';
import { sha256Hex } from './sha256-web.ts';

export interface FetchSourceOptions {
  /** SHA-256 of the file in hexadecimal: anything else is refused, wherever it came from. @default not checked */
  readonly digest?: string | undefined;
  /** Name of the cache; `null` keeps nothing. @default 'cutpoint-models' */
  readonly cache?: string | null | undefined;
  /** Bytes of one request. @default 4194304 */
  readonly pieceBytes?: number | undefined;
}

/** What the server says of the file as it is now. */
interface Version {
  readonly bytes: number;
  /** ETag or Last-Modified; without one nothing is kept, because nobody could say whether it is still right. */
  readonly tag: string | undefined;
}

const DEFAULT_PIECE_BYTES = 4 * 2 ** 20;
/** As for files. */
const MAX_BYTES = 2 ** 31 - 1;

/** @param url absolute */
export function fetchSource(url: string, options: FetchSourceOptions = {}): ModelSource {
  let read: Promise<Uint8Array> | undefined;
  let digest: Promise<string> | undefined;
  const readOnce = () => {
    read ??= readChecked(url, options);
    read.catch(() => {
      read = undefined;
    });
    return read;
  };
  return {
    read: readOnce,
    digest() {
      digest ??= options.digest === undefined ? readOnce().then(sha256Hex) : Promise.resolve(options.digest);
      return digest;
    },
  };
}

async function readChecked(url: string, options: FetchSourceOptions): Promise<Uint8Array> {
  const bytes = await readAll(url, options);
  if (options.digest === undefined) return bytes;
  const digest = await sha256Hex(bytes);
  if (digest === options.digest.toLowerCase()) return bytes;
  throw new SplitError('model-invalid', `${url} has the SHA-256 ${digest}, expected ${options.digest}`);
}

async function readAll(url: string, options: FetchSourceOptions): Promise<Uint8Array> {
  const { cache = 'cutpoint-models', pieceBytes = DEFAULT_PIECE_BYTES } = options;
  const first = await askFirst(url, pieceBytes);
  const kept = cache === null ? undefined : await keepPieces(cache, url, pieceBytes);
  if (first instanceof Error) {
    const offline = await kept?.readLast();
    if (offline) return offline;
    throw first;
  }
  if ('whole' in first) return first.whole;
  return await readPieces(url, first, { kept, pieceBytes });
}

interface FirstPiece extends Version {
  readonly piece: Uint8Array;
}

/** The first piece and what it is a piece of; all of it where the server knows no ranges; or why there is nothing. */
async function askFirst(
  url: string,
  pieceBytes: number,
): Promise<FirstPiece | { readonly whole: Uint8Array } | SplitError> {
  const response = await get(url, { start: 0, end: pieceBytes });
  if (response instanceof Error) return response;
  if (response.status === 200) return { whole: await bodyOf(url, response) };
  const bytes = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]);
  if (!Number.isSafeInteger(bytes) || bytes > MAX_BYTES)
    return unreadable(url, `is said to have ${response.headers.get('content-range')}`);
  return { bytes, tag: tagOf(response), piece: await bodyOf(url, response) };
}

async function readPieces(
  url: string,
  { bytes, tag, piece }: FirstPiece,
  { kept, pieceBytes }: { readonly kept: KeptPieces | undefined; readonly pieceBytes: number },
): Promise<Uint8Array> {
  const file = new Uint8Array(bytes);
  const version = tag === undefined ? undefined : kept?.version({ tag, bytes });
  file.set(piece);
  await version?.put(0, piece);
  for (let start = pieceBytes; start < bytes; start += pieceBytes) {
    const end = Math.min(start + pieceBytes, bytes);
    const have = await version?.get(start);
    const got = have?.length === end - start ? have : await fetchPiece(url, { start, end, tag });
    file.set(got, start);
    if (got !== have) await version?.put(start, got);
  }
  await version?.complete();
  return file;
}

async function fetchPiece(
  url: string,
  { start, end, tag }: { readonly start: number; readonly end: number; readonly tag: string | undefined },
): Promise<Uint8Array> {
  const response = await get(url, { start, end });
  if (response instanceof Error) throw response;
  if (response.status !== 206 || tagOf(response) !== tag)
    throw unreadable(url, 'changed while it was fetched');
  const piece = await bodyOf(url, response);
  if (piece.length === end - start) return piece;
  throw unreadable(url, `gave ${piece.length} bytes of ${end - start} from ${start}`);
}

async function get(
  url: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Response | SplitError> {
  try {
    // Kept here and not in the browser's own cache as well.
    const response = await fetch(url, { headers: { range: `bytes=${start}-${end - 1}` }, cache: 'no-store' });
    return response.ok ? response : unreadable(url, `${response.status} ${response.statusText}`);
  } catch (cause) {
    return unreadable(url, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

async function bodyOf(url: string, response: Response): Promise<Uint8Array> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw unreadable(url, 'broke off', cause);
  }
}

function tagOf({ headers }: Response): string | undefined {
  return headers.get('etag') ?? headers.get('last-modified') ?? undefined;
}

function unreadable(url: string, why: string, cause?: unknown): SplitError {
  return new SplitError('model-invalid', `cannot read model ${url}: ${why}`, { cause });
}
