/** The files that a page needs beside its own code. */

/** Names in a folder made by `cutpoint copy-assets`. */
export const ASSET_NAMES = {
  session: 'cutpoint-session.js',
  wasm: {
    worker: 'cutpoint-ort.js',
    glue: 'ort-wasm-simd-threaded.mjs',
    wasm: 'ort-wasm-simd-threaded.wasm',
  },
  webgpu: {
    worker: 'cutpoint-ort-webgpu.js',
    glue: 'ort-wasm-simd-threaded.asyncify.mjs',
    wasm: 'ort-wasm-simd-threaded.asyncify.wasm',
  },
} as const;
