/**
 * Files that a page needs beside its own code. Their addresses are written as bundlers understand them, so that these copy
 * the files without being told; `cutpoint copy-assets` puts them into one folder for everybody else.
 */
import type { OrtWebFiles } from '../runtime/ort-web.ts';
import { ASSET_NAMES } from './asset-names.ts';

export interface AssetUrls {
  readonly session: string;
  readonly wasm: OrtWebFiles;
  readonly webgpu: OrtWebFiles;
}

/** In a folder that was filled by `cutpoint copy-assets`. @param folder absolute, or relative to the page */
export function assetsIn(folder: string): AssetUrls {
  const base = new URL(folder.endsWith('/') ? folder : `${folder}/`, document.baseURI);
  const within = ({ worker, glue, wasm }: OrtWebFiles): OrtWebFiles => ({
    worker: new URL(worker, base).href,
    glue: new URL(glue, base).href,
    wasm: new URL(wasm, base).href,
  });
  return {
    session: new URL(ASSET_NAMES.session, base).href,
    wasm: within(ASSET_NAMES.wasm),
    webgpu: within(ASSET_NAMES.webgpu),
  };
}

/** Beside the built module of this file, and in onnxruntime-web as npm and pnpm install it. */
export function installedAssets(): AssetUrls {
  return {
    session: new URL('./cutpoint-session.js', import.meta.url).href,
    wasm: {
      worker: new URL('./cutpoint-ort.js', import.meta.url).href,
      glue: new URL('../../../../onnxruntime-web/dist/ort-wasm-simd-threaded.mjs', import.meta.url).href,
      wasm: new URL('../../../../onnxruntime-web/dist/ort-wasm-simd-threaded.wasm', import.meta.url).href,
    },
    webgpu: {
      worker: new URL('./cutpoint-ort-webgpu.js', import.meta.url).href,
      glue: new URL('../../../../onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.mjs', import.meta.url)
        .href,
      wasm: new URL('../../../../onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm', import.meta.url)
        .href,
    },
  };
}
