/** A bundle behind a web server that knows ranges, as all do that serve files. */
import { asSplitError, SplitError } from '@cutpoint/sdk';
import type { BundleSource } from './bundle-source.ts';

/** Without a byte for so long, the link is taken for lost. */
const SILENCE_MS = 20_000;

/** @param url of the folder */
export function httpBundleSource(url: string): BundleSource {
  const base = url.endsWith('/') ? url : `${url}/`;
  const place = withoutLogin(base);
  return {
    place,
    async *read(path, offset, signal) {
      const silence = new AbortController();
      let timer = setTimeout(() => silence.abort(lost(place, `silent for ${SILENCE_MS} ms`)), SILENCE_MS);
      try {
        const reply = await fetch(new URL(path, base), {
          headers: { range: `bytes=${offset}-`, 'accept-encoding': 'identity' },
          signal: AbortSignal.any([signal, silence.signal]),
        });
        if (isPastTheEnd(reply, offset)) return;
        yield* skip(bodyOf(reply, place + path), reply.status === 206 ? 0 : offset, () => {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(lost(place, `silent for ${SILENCE_MS} ms`)), SILENCE_MS);
        });
      } catch (cause) {
        if (signal.aborted) throw asSplitError(signal.reason, 'aborted');
        throw cause instanceof SplitError ? cause : lost(place, reasonOf(cause), cause);
      } finally {
        clearTimeout(timer);
      }
    },
    close: async () => {},
  };
}

/** A range that begins at the end is refused by the protocol. */
function isPastTheEnd({ status, headers }: Response, offset: number): boolean {
  return status === 416 && headers.get('content-range') === `bytes */${offset}`;
}

function bodyOf(reply: Response, file: string): AsyncIterable<Uint8Array> {
  const { status, body } = reply;
  if ((status === 200 || status === 206) && body) return body as unknown as AsyncIterable<Uint8Array>;
  void body?.cancel();
  if (status >= 500 || status === 429) throw lost(file, `HTTP status ${status}`);
  throw new SplitError('bundle-invalid', `${file}: HTTP status ${status}`);
}

/** A server that knows no ranges sends all from the start. */
async function* skip(
  body: AsyncIterable<Uint8Array>,
  bytes: number,
  onPiece: () => void,
): AsyncIterable<Uint8Array> {
  let left = bytes;
  for await (const piece of body) {
    onPiece();
    const from = Math.min(left, piece.length);
    left -= from;
    if (from < piece.length) yield piece.subarray(from);
  }
}

function lost(place: string, why: string, cause?: unknown): SplitError {
  return new SplitError('broker-unreachable', `${place}: ${why}`, { cause });
}

/** fetch hides what happened one or two causes deep. */
function reasonOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.message : String(error);
}

function withoutLogin(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.href;
}
