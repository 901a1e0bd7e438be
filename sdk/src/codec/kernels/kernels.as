// The hot loops, in AssemblyScript with SIMD: numbers, lanes, counting, tables, coder. kernels.ts says what each must give, and
// reference.ts gives the same bytes. Every pointer and length comes from wasm.ts. Nothing here allocates.

export { count } from './count';
export { decode } from './decode';
export { encode } from './encode';
export { fromLanes, toLanes } from './lanes';
export { dequantise, quantise, range } from './numbers';
export { buildDecoder, buildEncoder, buildShuffles } from './tables';
