/** Which versions run here, as their packages say. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export function ownVersion(): string {
  return versionIn(new URL('../package.json', import.meta.url));
}

export function onnxruntimeVersion(): string {
  return versionIn(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
}

function versionIn(path: string | URL): string {
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
