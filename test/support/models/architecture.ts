/** What a generated architecture tells of itself, so that tests and programs can make it and feed it. */
import type { TensorType } from '../../../sdk/src/tensor.ts';

export interface ArchitectureOptions {
  /** Share of the real width, above 0 to 1. */
  readonly scale: number;
  readonly seed?: number;
}

export interface ArchitectureInput {
  readonly type: TensorType;
  /** `batch` stands for as many rows as the caller likes. */
  readonly shape: readonly (number | 'batch')[];
  /** Integers lie in 0 up to, not including, this. Floats lie in -1 to 1. */
  readonly below?: number;
}

export interface Architecture {
  readonly name: string;
  /** An .onnx file with seeded random weights; never constant ones. */
  make(options: ArchitectureOptions): Uint8Array;
  /** Feeds that fit it at the given scale. */
  inputs(scale: number): Readonly<Record<string, ArchitectureInput>>;
  /** Size of the file at scale 1, in megabytes (10^6 bytes). */
  readonly fullMegabytes: number;
  /** The scale for tests that run on every change. */
  readonly smallScale: number;
}

/** The side of the pictures: a narrow net for quick tests takes smaller ones, where its layers allow that. */
export function sideAt(scale: number, full: number, small: number): number {
  return scale < 1 ? small : full;
}

/** Pictures of three channels in a square, under the name `input`. */
export function pictures(side: number): Readonly<Record<string, ArchitectureInput>> {
  return { input: { type: 'float32', shape: ['batch', 3, side, side] } };
}
