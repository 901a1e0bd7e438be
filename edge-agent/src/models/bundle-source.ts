/** The BundleSource port: a folder of a bundle's files somewhere. Adapters: folder-, http- and mqtt-bundle-source.ts. */

export interface BundleSource {
  /** For people: where it is, without a login. */
  readonly place: string;
  /**
   * The file's bytes from `offset` on, in pieces of any size; nothing where `offset` is its end.
   * @throws SplitError `bundle-invalid` where there is no such file, a retriable one where the link was lost,
   * `aborted` when the signal fires
   */
  read(path: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** A small file as a whole; `undefined` where it is longer than that. */
export async function readSmall(
  source: BundleSource,
  path: string,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source.read(path, 0, signal)) {
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
