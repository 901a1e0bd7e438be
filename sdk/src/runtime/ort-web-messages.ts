/** What only a page's ONNX Runtime worker is told, besides the calls of ort-messages.ts. Types only. */

/** The first message of all; answered by a ReadyReply to call 0. */
export interface WebStart {
  readonly provider: 'wasm' | 'webgpu';
  readonly threads: number;
  /** URLs of ONNX Runtime's own files. */
  readonly glue: string;
  readonly wasm: string;
  /** A model that is loaded to see whether anything can be. */
  readonly probe: Uint8Array;
}

/** Nobody waits any more for the run with this stop handle. */
export interface WebStop {
  readonly stop: number;
}
