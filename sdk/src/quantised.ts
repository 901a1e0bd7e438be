/** A tensor of floats as one byte an element; codec/number-format/affine.ts says what the numbers mean. */
export interface QuantisedTensor {
  /** What it was before. */
  readonly type: 'float32' | 'float16';
  readonly dims: readonly number[];
  /** One for each element, in their order. */
  readonly symbols: Uint8Array;
  /** value = (symbol - zeroPoint) * scale. Both are float32 numbers. */
  readonly scale: number;
  readonly zeroPoint: number;
}
