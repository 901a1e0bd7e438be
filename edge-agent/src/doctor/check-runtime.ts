/** ONNX Runtime: whether it is there, whether the provider is, and which provider really ran which share of a model. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asSplitError } from '@cutpoint/sdk';
import { createOrtProcess, type ProcessRuntime, sampleFeeds } from '@cutpoint/sdk/gateway';
import { nodeDisk } from '../disk/node-disk.ts';
import { openModelStore } from '../models/model-store.ts';
import { missingCudaLibrary } from './cuda-libraries.ts';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

/** A driver may hang, and a first run may build engines. */
const LONGEST_MS = 120_000;

const CUDA = ['cuda', 'tensorrt'];

interface Observed {
  readonly error?: string;
  /** Milliseconds in the kernels of each provider; none where the model was not run. */
  readonly providers?: Readonly<Record<string, number>> | undefined;
}

export async function checkRuntime({ config }: Examination): Promise<readonly Finding[]> {
  const { provider = 'cpu', modulePath = 'onnxruntime-node' } = config.runtime;
  const found: Finding[] = [];
  for (const [name, { path, inputShapes = {} }] of Object.entries(config.models)) {
    const folder = join(config.state, 'models', name);
    const store = await openModelStore({ disk: nodeDisk(), folder, basePath: path }).catch(() => undefined);
    const installed = await store?.open(store.slots.active).catch(() => undefined);
    if (installed === undefined) continue; // check-models says why.
    const observed = await observe(installed.modelPath, inputShapes, { provider, modulePath });
    const library =
      observed.error !== undefined && CUDA.includes(provider)
        ? await missingCudaLibrary(modulePath)
        : undefined;
    found.push(findingOf(`runtime ${name}`, observed, { provider, modulePath, library }));
  }
  return found;
}

interface Wanted {
  readonly provider: string;
  readonly modulePath: string;
  /** Of CUDA, where one is missing. */
  readonly library?: string | undefined;
}

function findingOf(check: string, observed: Observed, wanted: Wanted): Finding {
  const { provider } = wanted;
  const { error, providers } = observed;
  if (error !== undefined) return errorFinding(check, error, wanted);
  if (providers === undefined)
    return warning(
      check,
      'the model loads; it was not run, because its shapes are open',
      'say inputShapes of the model',
    );
  const total = Object.values(providers).reduce((sum, ms) => sum + ms, 0);
  const share = (ms: number) => `${Math.round((ms / total) * 100)} %`;
  const text = `time by provider: ${Object.entries(providers)
    .map(([name, ms]) => `${name} ${share(ms)}`)
    .join(', ')}`;
  const own = providers[provider];
  if (own === undefined)
    return failure(check, `${provider} was asked for; ${text}`, providerAdvice(provider));
  if (own < total / 2)
    return warning(check, text, `most of the model does not run on ${provider}: plain cpu may be faster`);
  return ok(check, text);
}

function errorFinding(check: string, error: string, { provider, modulePath, library }: Wanted): Finding {
  if (/is not installed|Cannot find (package|module)/.test(error))
    return failure(
      check,
      `${modulePath} is not installed`,
      'npm install onnxruntime-node, or correct runtime.modulePath',
    );
  if (library !== undefined)
    return failure(check, `${provider} needs ${library}, which is not there`, providerAdvice(provider));
  if (/backend not found|not supported|unsupported/i.test(error))
    return failure(
      check,
      `this build of ${modulePath} has no ${provider}: ${error}`,
      providerAdvice(provider),
    );
  return failure(check, error, 'the model does not run here: cutpoint inspect MODEL tells more');
}

function providerAdvice(provider: string): string {
  if (CUDA.includes(provider))
    return 'install CUDA 12 and cuDNN 9, on a Jetson build the runtime (deploy/jetson) and name it in runtime.modulePath, or use provider: cpu';
  return 'name a provider that this build has in runtime.provider, or none for cpu';
}

/** In a process of its own, so that a driver that crashes takes nothing with it. */
async function observe(
  path: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  { provider, modulePath }: Wanted,
): Promise<Observed> {
  let runtime: ProcessRuntime | undefined;
  try {
    runtime = await createOrtProcess({ provider, modulePath, hangMs: LONGEST_MS, loadMs: LONGEST_MS });
    const model = { bytes: await readFile(path), directory: dirname(path) };
    const { inputs } = await runtime.load(model);
    const feeds = sampleFeeds(inputs, shapes);
    return { providers: feeds && (await runtime.profile?.(model, feeds)) };
  } catch (error) {
    return { error: asSplitError(error).message };
  } finally {
    await runtime?.close();
  }
}
