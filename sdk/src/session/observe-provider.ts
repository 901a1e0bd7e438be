/** Which execution provider really runs: a small network of convolutions, timed by ONNX Runtime's own profile. */
import { GraphBuilder } from '../onnx/builder.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { sampleTensor } from './sample-feeds.ts';

const CHANNELS = 16;
const SIDE = 64;
const LAYERS = 3;

/**
 * The one in whose kernels most of the time went; a provider that was asked for and is not there leaves them to the CPU.
 * @returns by the name that sessions are asked by, such as `cuda`; what the runtime says of itself where it cannot profile
 * @throws SplitError `provider-unavailable`, `runtime-failed`
 */
export async function observeProvider(runtime: Runtime): Promise<string> {
  const input = sampleTensor({ type: 'float32', dims: [1, CHANNELS, SIDE, SIDE], seed: 1 });
  const times = await runtime.profile?.({ bytes: probeNet() }, { x: input });
  const [most] = Object.entries(times ?? {}).sort(([, a], [, b]) => b - a);
  return most?.[0] ?? runtime.provider ?? 'unknown';
}

function probeNet(): Uint8Array {
  const graph = new GraphBuilder('probe');
  graph.input('x', 'float32', [1, CHANNELS, SIDE, SIDE]);
  graph.initializer('w', sampleTensor({ type: 'float32', dims: [CHANNELS, CHANNELS, 3, 3], seed: 2 }));
  let value = 'x';
  for (let layer = 0; layer < LAYERS; layer++) {
    value = graph.node('Conv', [value, 'w'], { pads: [1, 1, 1, 1] });
  }
  graph.output(value);
  return graph.toBytes();
}
