/** `cutpoint-edge init`: asks for what it was not told, and writes a configuration of a few lines. */
import { randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { SplitError } from '@cutpoint/sdk';
import { stringify } from 'yaml';
import { loadConfig, parseModelFlag } from '../config.ts';
import type { AddVerb } from './verb.ts';
import { option } from './verb.ts';

interface Flags {
  readonly config: string;
  readonly broker?: string;
  readonly model?: string;
  readonly device?: string;
  readonly keys?: string;
  readonly force?: boolean;
}

export const initVerb: AddVerb = (program, _version, choose) => {
  program
    .command('init')
    .description('write a configuration; asks for what the flags do not say')
    .option('--config <file>', 'the file to write', 'edge.yaml')
    .addOption(option('--broker <url>', 'where the broker is, such as mqtt://127.0.0.1:1883'))
    .addOption(
      option('--model <name=path[,name=path]>', 'models, by the names under which the gateway serves them'),
    )
    .addOption(
      option('--device <id>', "this device's name on the broker (default: the host's name and six digits)"),
    )
    .option('--keys <file.pem>', 'public keys that sign bundles, so that models can be updated from afar')
    .option('--force', 'write over a file that is there')
    .action((flags: Flags) => {
      choose(async (world) => {
        const path = resolve(flags.config);
        const made = contents(await complete(flags), path);
        // Before it is written: the next try would find it there.
        await loadConfig({ flags: made });
        const text = stringify(made);
        await write(path, text, flags.force === true);
        world.writeOut(`${path}:\n${text}next: cutpoint-edge doctor --config ${flags.config}\n`);
        return undefined;
      });
    });
};

interface Answers {
  readonly broker: string;
  readonly model: string;
  readonly device: string;
  readonly keys: string | undefined;
}

/** @throws SplitError `options-invalid` naming the flag, where nobody is there to be asked */
async function complete(flags: Flags): Promise<Answers> {
  const device = flags.device ?? defaultDevice();
  const { broker, model, keys } = flags;
  if (broker !== undefined && model !== undefined) return { broker, model, device, keys };
  if (!process.stdin.isTTY)
    throw new SplitError('options-invalid', `init needs ${broker === undefined ? '--broker' : '--model'}`);
  const talk = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ask = async (question: string, usual: string) =>
      (await talk.question(`${question} [${usual}]: `)).trim() || usual;
    return {
      broker: broker ?? (await ask('Broker', 'mqtt://127.0.0.1:1883')),
      model: model ?? (await ask('Model, as NAME=PATH', 'my-model=./model.onnx')),
      device: flags.device ?? (await ask("This device's name", device)),
      keys,
    };
  } finally {
    talk.close();
  }
}

/** Many boards come with the same host name: six digits keep them apart. */
function defaultDevice(): string {
  const host =
    hostname()
      .split('.')[0]
      ?.replaceAll(/[^A-Za-z0-9_-]/g, '-') || 'device';
  return `${host.slice(0, 57)}-${randomBytes(3).toString('hex')}`;
}

function contents({ broker, model, device, keys }: Answers, path: string) {
  const here = (file: string) => relative(dirname(path), resolve(file)) || basename(file);
  const models = Object.entries(parseModelFlag(model)).map(([name, file]) => [name, here(file)]);
  const wrong = models.find(([, file]) => extname(file as string) !== '.onnx');
  if (wrong)
    throw new SplitError('options-invalid', `model ${wrong[0]} is ${wrong[1]}; expected an .onnx file`);
  return {
    broker,
    device,
    models: Object.fromEntries(models),
    ...(keys !== undefined && { updates: { keys: here(keys) } }),
  };
}

async function write(path: string, text: string, isForced: boolean): Promise<void> {
  if (!isForced && (await stat(path).catch(() => undefined)))
    throw new SplitError('options-invalid', `${path} is there already; --force writes over it`);
  try {
    // A broker's password may stand in the url.
    const file = await open(path, 'w', 0o600);
    await file.writeFile(text);
    await file.sync();
    await file.close();
  } catch (cause) {
    throw new SplitError(
      'storage-failed',
      `${path} cannot be written: ${(cause as { code?: string }).code}`,
      {
        cause,
      },
    );
  }
}
