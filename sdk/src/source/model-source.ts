/** The ModelSource port: where a model's bytes come from. Adapters: file.ts and memory.ts. */

export interface ModelSource {
  /** The whole .onnx file. Weights that it keeps in files beside it are not part of it. */
  read(): Promise<Uint8Array>;
  /**
   * The same with zeros in place of large weights, for those who name weights by offset. Reads only the rest.
   * Present only where weights can be named: in files.
   */
  readStructure?(): Promise<Uint8Array>;
  /** SHA-256 of the bytes that `read` gives, in hexadecimal. */
  digest(): Promise<string>;
  /**
   * The same of a part of a file beside the model, from byte `offset` up to, not including, `end`; `null` is the
   * file's end. Streamed, so the file may be of any size. Present if and only if `directory` is.
   * @throws SplitError `model-invalid` where the file is not in the directory, or not that long
   */
  digestRange?(location: string, offset: number, end: number | null): Promise<string>;
  /** Where the file lies, so that a runtime can read weights from it; absent for a model in memory. */
  readonly directory?: string;
  /** Name of the file in `directory`; present if and only if that is. */
  readonly location?: string;
}
