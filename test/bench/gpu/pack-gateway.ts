/**
 * Makes one folder of gateway.ts and all that it needs but ONNX Runtime, for a host where nothing is installed:
 *   npm run -s bench:pack -- FOLDER   then there: node FOLDER/gateway.js cuda /path/to/onnxruntime-node/dist/index.js
 */
import { resolve } from 'node:path';
import { rolldown } from 'rolldown';

const root = resolve(import.meta.dirname, '../../..');
const [out = 'gpu-bench'] = process.argv.slice(2);
const build = await rolldown({
  platform: 'node',
  resolve: { conditionNames: ['@cutpoint/source', 'import', 'node'] },
  external: ['sharp', 'onnxruntime-node'],
  input: {
    gateway: resolve(import.meta.dirname, 'gateway.ts'),
    'ort-child': resolve(root, 'sdk/src/runtime/ort-child.ts'),
    'ort-worker': resolve(root, 'sdk/src/runtime/ort-worker.ts'),
    'decode-worker': resolve(root, 'cloud-gateway/src/decode/decode-worker.ts'),
  },
});
// Threads and processes are started from files beside the one that starts them.
await build.write({
  dir: out,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
console.log(`${out}/gateway.js`);
