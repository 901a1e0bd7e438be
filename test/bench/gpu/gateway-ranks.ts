/**
 * The gateway program with a model parted over as many graphics processors, and a device's session that asks it at its broker:
 *   node --conditions=@cutpoint/source test/bench/gpu/gateway-ranks.ts PROVIDER RANKS [ROUNDS]
 * PROVIDER is cpu or cuda; onnxruntime-node is the installed one. BERT-base, VGG-16 and ResNet-50 with random weights; prints a
 * line of JSON for each: how far the answers of all float32 arms are from ONNX Runtime's on the processor, what a tail takes
 * from the input on, and what the graphics processors hold (nvidia-smi, MiB, the driver's own part with it).
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { compareOutputs } from '@cutpoint/sdk/gateway';
import { createSplitSession, type SplitArm } from '@cutpoint/sdk/node';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import { makeModelFolder, startGatewayProcess } from '../../support/gateway-process.ts';
import type { Architecture } from '../../support/models/architecture.ts';
import { architectureFeeds, architectureShapes } from '../../support/models/architecture-feeds.ts';
import { runWholeModel } from '../../support/whole-model.ts';
import { median } from '../statistics.ts';
import { RANKED_MODELS } from '../strategies/ranks.ts';

const [provider = 'cpu', ranks = '2', rounds = '20'] = process.argv.slice(2);
const DEADLINE_MS = 60_000;

for (const architecture of RANKED_MODELS) console.log(JSON.stringify(await measure(architecture)));
process.exit(0);

async function measure(architecture: Architecture) {
  const inputShapes = architectureShapes(architecture, { scale: 1 });
  const feeds = architectureFeeds(architecture, { scale: 1 });
  const folder = await makeModelFolder();
  await folder.add('net', architecture.make({ scale: 1 }), { inputs: inputShapes, ranks: Number(ranks) });
  const devices =
    provider === 'cpu' ? [] : ['--gpus', Array.from({ length: Number(ranks) }, (_, i) => i).join()];
  const gateway = await startGatewayProcess([
    ...['--models', folder.path, '--listen', '127.0.0.1:0', '--max-cuts', '4', '--providers', provider],
    ...['--require-provider', 'true', '--hang-ms', '120000', '--ranks-folder', join(folder.path, '.ranks')],
    ...devices,
  ]);
  const session = await createSplitSession(folder.model('net'), {
    ...{ broker: gateway.broker, model: 'net', inputShapes, profiles: ['float32'], fallback: 'none' },
    ...{ deadlineMs: DEADLINE_MS, maxCuts: 4 },
  });
  try {
    const fetches = session.outputNames;
    const expected = await runWholeModel(folder.model('net'), { feeds, fetches });
    const arms = session.arms.filter(
      (arm): arm is SplitArm => arm.kind === 'split' && arm.profile !== 'image',
    );
    const differences: number[] = [];
    for (const { id } of arms) {
      const own = (await session.run(feeds, { arm: id })) as unknown as Tensors;
      differences.push(compareOutputs(own, expected, fetches).relative);
    }
    const whole = arms.find(({ cut }) => cut.position === 0)?.id ?? '';
    const tailMs: number[] = [];
    for (let round = 0; round < Number(rounds); round++) {
      await session.run(feeds, { arm: whole });
      tailMs.push(session.lastTrace?.tailMs ?? Number.NaN);
    }
    return {
      ...{ model: architecture.name, ranks: Number(ranks), arms: arms.length },
      ...{ difference: Math.max(...differences), tailMs: median(tailMs), usedMiB: usedMebibytes() },
    };
  } finally {
    await session.release();
    await gateway.kill('SIGTERM');
    await folder.remove();
  }
}

function usedMebibytes(): readonly number[] {
  if (provider === 'cpu') return [];
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
  return execFileSync('nvidia-smi', query, { encoding: 'utf8' }).trim().split('\n').map(Number);
}
