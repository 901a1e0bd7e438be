/**
 * Tensor-parallel ranks on as many graphics processors, for a host that has them:
 *   node test/bench/gpu/ranks.ts PROVIDER RANKS [ONNXRUNTIME] [ROUNDS]
 * PROVIDER is cpu or cuda (rank r on device r); ONNXRUNTIME is the absolute path of onnxruntime-node's main file where it
 * is not installed here. BERT-base, VGG-16 and ResNet-50 with random weights, level `all`, one row; prints a line of JSON
 * for each.
 */
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { measureRanks, RANKED_MODELS } from '../strategies/ranks.ts';

const [provider = 'cpu', ranks = '2', modulePath = '', rounds = '15'] = process.argv.slice(2);
for (const architecture of RANKED_MODELS) {
  const figures = await measureRanks(architecture, {
    ranks: Number(ranks),
    rounds: Number(rounds),
    makeRuntime: (deviceId) =>
      createOrtNode({ provider, ...(provider !== 'cpu' && { deviceId }), ...(modulePath && { modulePath }) }),
  });
  console.log(JSON.stringify(figures));
}
process.exit(0);
