/**
 * A program of its own, so that a driver that crashes takes nothing with it: runs a model once with ONNX Runtime's profiler
 * and prints which provider ran how many of its nodes. `profile-run '{"module":…,"provider":…,"model":…,"shapes":…}'`.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensorBytes } from '@cutpoint/sdk';
import { sampleFeeds } from '@cutpoint/sdk/gateway';
import type { InferenceSession } from 'onnxruntime-node';

interface Job {
  readonly module: string;
  readonly provider: string;
  readonly model: string;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

type Ort = typeof import('onnxruntime-node');

const { module, provider, model, shapes } = JSON.parse(process.argv[2] ?? '{}') as Job;
const folder = await mkdtemp(join(tmpdir(), 'cutpoint-doctor-'));
try {
  const imported = (await import(module)) as Ort & { default?: Ort };
  const ort = imported.default?.InferenceSession ? imported.default : imported;
  const backends =
    (ort as { listSupportedBackends?: () => { name: string }[] }).listSupportedBackends?.() ?? [];
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [provider],
    enableProfiling: true,
    profileFilePrefix: join(folder, 'profile'),
    logSeverityLevel: 4,
  });
  const ran = await runOnce(ort, session);
  session.endProfiling();
  const providers = ran ? await providersIn(folder) : {};
  console.log(JSON.stringify({ backends: backends.map(({ name }) => name), ran, providers }));
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function runOnce(ort: Ort, session: InferenceSession): Promise<boolean> {
  const feeds = sampleFeeds(session.inputMetadata as Parameters<typeof sampleFeeds>[0], shapes);
  if (feeds === undefined) return false;
  const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [
    name,
    type === 'float16'
      ? new ort.Tensor(type, new Uint16Array(tensorBytes({ type, data, dims }).buffer), dims)
      : new ort.Tensor(type, data as Float32Array, dims),
  ]);
  await session.run(Object.fromEntries(tensors));
  return true;
}

interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly args?: { readonly provider?: string };
}

async function providersIn(place: string): Promise<Readonly<Record<string, number>>> {
  const [name = ''] = await readdir(place);
  const events = JSON.parse(await readFile(join(place, name), 'utf8')) as readonly ProfileEvent[];
  const counts: Record<string, number> = {};
  for (const { cat, name: event = '', args } of events) {
    if (cat !== 'Node' || !event.endsWith('_kernel_time') || !args?.provider) continue;
    counts[args.provider] = (counts[args.provider] ?? 0) + 1;
  }
  return counts;
}
