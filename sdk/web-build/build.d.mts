export interface BundleOptions {
  /** With MQTT.js in it. */
  readonly isSession?: boolean;
  /** Leaves ONNX Runtime's own code out, to see what ours weighs. */
  readonly withoutOrt?: boolean;
}

/** All files that a page loads, into one folder. */
export function buildWeb(directory: string, options?: Pick<BundleOptions, 'withoutOrt'>): Promise<void>;

/** One source file and all that it imports as one module. */
export function bundle(input: string, file: string, options?: BundleOptions): Promise<void>;
