/** Pieces of one file in the browser's Cache Storage, each with its digest: what was damaged reads as not there. */
import { sha256Hex } from './sha256-web.ts';

export interface KeptPieces {
  version(version: FileVersion): KeptVersion;
  /** The file as it was last complete, of whichever version; `undefined` where none was, or it is damaged. */
  readLast(): Promise<Uint8Array | undefined>;
}

export interface FileVersion {
  /** By which the server tells one state of the file from the next. */
  readonly tag: string;
  readonly bytes: number;
}

export interface KeptVersion {
  get(start: number): Promise<Uint8Array | undefined>;
  put(start: number, piece: Uint8Array): Promise<void>;
  /** All pieces are there: those of other versions are dropped. */
  complete(): Promise<void>;
}

const DIGEST_HEADER = 'x-cutpoint-sha256';

/** `undefined` where there is no Cache Storage: outside of secure contexts, or where the user forbids it. */
export async function keepPieces(
  name: string,
  url: string,
  pieceBytes: number,
): Promise<KeptPieces | undefined> {
  const cache = await globalThis.caches?.open(name).catch(() => undefined);
  if (!cache) return undefined;
  const lastKey = keyOf(url, { cutpoint: 'last' });
  const version = (of: FileVersion) => keptVersion({ cache, url, lastKey, pieceBytes }, of);
  return {
    version,
    async readLast() {
      const last = (await (await cache.match(lastKey))?.json()) as FileVersion | undefined;
      if (!last) return undefined;
      const file = new Uint8Array(last.bytes);
      for (let start = 0; start < last.bytes; start += pieceBytes) {
        const piece = await version(last).get(start);
        if (piece?.length !== Math.min(pieceBytes, last.bytes - start)) return undefined;
        file.set(piece, start);
      }
      return file;
    },
  };
}

interface Place {
  readonly cache: Cache;
  readonly url: string;
  readonly lastKey: string;
  readonly pieceBytes: number;
}

function keptVersion({ cache, url, lastKey, pieceBytes }: Place, { tag, bytes }: FileVersion): KeptVersion {
  const prefix = keyOf(url, { cutpoint: 'piece', tag, pieceBytes: String(pieceBytes) });
  return {
    async get(start) {
      const response = await cache.match(`${prefix}&start=${start}`);
      if (!response) return undefined;
      const piece = new Uint8Array(await response.arrayBuffer());
      return (await sha256Hex(piece)) === response.headers.get(DIGEST_HEADER) ? piece : undefined;
    },
    async put(start, piece) {
      const headers = { [DIGEST_HEADER]: await sha256Hex(piece) };
      const response = new Response(piece as Uint8Array<ArrayBuffer>, { headers });
      // A full disk is no reason not to run the model.
      await cache.put(`${prefix}&start=${start}`, response).catch(() => {});
    },
    async complete() {
      const pieces = keyOf(url, { cutpoint: 'piece' });
      for (const { url: key } of await cache.keys())
        if (key.startsWith(pieces) && !key.startsWith(prefix)) await cache.delete(key);
      await cache.put(lastKey, Response.json({ tag, bytes } satisfies FileVersion)).catch(() => {});
    },
  };
}

/** Keys are URLs of the same origin that nobody asks the server for. */
function keyOf(url: string, fields: Readonly<Record<string, string>>): string {
  const [base] = url.split('#');
  return `${base}${base?.includes('?') ? '&' : '?'}${new URLSearchParams(fields)}`;
}
