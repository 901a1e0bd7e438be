/** ONNX Runtime: whether it is there, whether the provider is, and which provider really ran which share of a model. */
import { execFile } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nodeDisk } from '../disk/node-disk.ts';
import { openModelStore } from '../models/model-store.ts';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

const LONGEST_MS = 120_000;

interface Observed {
  readonly error?: string;
  readonly backends?: readonly string[];
  readonly ran?: boolean;
  readonly providers?: Readonly<Record<string, number>>;
}

export async function checkRuntime({ config }: Examination): Promise<readonly Finding[]> {
  const { provider = 'cpu', modulePath = 'onnxruntime-node' } = config.runtime;
  const found: Finding[] = [];
  for (const [name, { path, inputShapes = {} }] of Object.entries(config.models)) {
    const folder = join(config.state, 'models', name);
    const store = await openModelStore({ disk: nodeDisk(), folder, basePath: path }).catch(() => undefined);
    const installed = await store?.open(store.slots.active).catch(() => undefined);
    if (installed === undefined) continue; // check-models says why.
    const module = isAbsolute(modulePath) ? pathToFileURL(modulePath).href : modulePath;
    const observed = await profile({ module, provider, model: installed.modelPath, shapes: inputShapes });
    found.push(findingOf(`runtime ${name}`, observed, { provider, modulePath }));
  }
  return found;
}

interface Wanted {
  readonly provider: string;
  readonly modulePath: string;
}

function findingOf(check: string, observed: Observed, { provider, modulePath }: Wanted): Finding {
  const { error, ran, providers = {} } = observed;
  if (error !== undefined) return errorFinding(check, error, { provider, modulePath });
  if (!ran)
    return warning(
      check,
      'the model loads; it was not run, because its shapes are open',
      `say inputShapes of the model`,
    );
  const nodes = Object.values(providers).reduce((sum, count) => sum + count, 0);
  const text = Object.entries(providers)
    .map(([name, count]) => `${name.replace('ExecutionProvider', '')} ran ${count} of ${nodes} nodes`)
    .join(', ');
  const own = Object.entries(providers).find(([name]) =>
    name.toLowerCase().startsWith(provider.toLowerCase()),
  );
  if (own === undefined)
    return failure(check, `${provider} was asked for, and ${text}`, providerAdvice(provider));
  if (own[1] < nodes / 2)
    return warning(check, text, `most of the model does not run on ${provider}: a plain cpu may be faster`);
  return ok(check, text);
}

function errorFinding(check: string, error: string, { provider, modulePath }: Wanted): Finding {
  const library =
    /(lib[\w.+-]+\.so[\w.]*|[\w-]+\.dll)[^:]*: cannot open shared object|(lib[\w.+-]+\.so[\w.]*)/.exec(error);
  const name = library?.[1] ?? library?.[2];
  if (/Cannot find (package|module)|ERR_MODULE_NOT_FOUND/.test(error))
    return failure(
      check,
      `${modulePath} is not installed`,
      'npm install onnxruntime-node, or correct runtime.modulePath',
    );
  if (provider !== 'cpu' && name !== undefined)
    return failure(check, `${provider} needs ${name}, which is not there`, providerAdvice(provider));
  if (/backend not found|not supported|unsupported/i.test(error))
    return failure(
      check,
      `this build of ${modulePath} has no ${provider}: ${error}`,
      providerAdvice(provider),
    );
  return failure(check, error, 'the model does not run here: cutpoint inspect MODEL tells more');
}

function providerAdvice(provider: string): string {
  if (provider === 'cuda' || provider === 'tensorrt')
    return 'install CUDA 12 and cuDNN 9, on a Jetson build the runtime (deploy/jetson) and name it in runtime.modulePath, or use provider: cpu';
  return 'name a provider that this build has in runtime.provider, or none for cpu';
}

function profile(job: object): Promise<Observed> {
  const isSource = import.meta.url.endsWith('.ts');
  const program = fileURLToPath(new URL(isSource ? './profile-run.ts' : './profile-run.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, JSON.stringify(job)],
      { timeout: LONGEST_MS },
      (failed, stdout, stderr) => {
        try {
          resolve(JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '') as Observed);
        } catch {
          const how = failed?.signal ? `ended by ${failed.signal}` : `exit code ${failed?.code}`;
          resolve({ error: `the run of the model was ${how}: ${stderr.trim().slice(-500)}` });
        }
      },
    );
  });
}
