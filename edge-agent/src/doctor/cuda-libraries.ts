/** Which library that CUDA needs is not there: ONNX Runtime itself only says that one of them could not be loaded. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

/** Of CUDA 12 and cuDNN 9, in the order in which they need each other. */
const SYSTEM_LIBRARIES = [
  'libcuda.so.1',
  'libcudart.so.12',
  'libcublasLt.so.12',
  'libcublas.so.12',
  'libcurand.so.10',
  'libcufft.so.11',
  'libcudnn.so.9',
];
const OWN_LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** @returns the first that is missing, on Linux; nothing where all are found */
export async function missingCudaLibrary(modulePath: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  const own = ownLibraries(modulePath);
  const missing = OWN_LIBRARIES.find((name) => !own.includes(name));
  if (missing !== undefined) return missing;
  const known = await systemLibraries();
  return SYSTEM_LIBRARIES.find((name) => !known(name));
}

/** Beside the runtime's own binary. */
function ownLibraries(modulePath: string): readonly string[] {
  try {
    const main = createRequire(import.meta.url).resolve(modulePath);
    const bin = join(dirname(main), '..', 'bin');
    return readdirSync(bin, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.includes(process.arch))
      .map((path) => path.split('/').at(-1) ?? '');
  } catch {
    return OWN_LIBRARIES; // A build with another layout: it knows where its own are.
  }
}

async function systemLibraries(): Promise<(name: string) => boolean> {
  const cache = await new Promise<string>((resolve) => {
    execFile('/sbin/ldconfig', ['-p'], { maxBuffer: 1 << 24 }, (_error, stdout) => resolve(stdout));
  });
  const folders = (process.env.LD_LIBRARY_PATH ?? '').split(delimiter).filter(Boolean);
  return (name) => cache.includes(`${name} `) || folders.some((folder) => existsSync(join(folder, name)));
}
