/** The ModelSource port: where a model's bytes come from. Adapters: file.ts and memory.ts. */

export interface ModelSource {
  /** The whole .onnx file. Weights that it keeps in files beside it are not part of it. */
  read(): Promise<Uint8Array>;
  /** SHA-256 of those bytes, in hexadecimal. */
  digest(): Promise<string>;
  /** Where the file lies, so that a runtime can read weights from it; absent for a model in memory. */
  readonly directory?: string;
  /** Name of the file in `directory`; present if and only if that is. */
  readonly location?: string;
}
