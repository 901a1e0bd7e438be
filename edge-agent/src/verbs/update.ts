/** `cutpoint-edge update`: installs a bundle, from a folder, a file, a web server or the broker. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import type { AgentConfig } from '../config.ts';
import { unpackBundle } from '../models/bundle-file.ts';
import { folderBundleSource } from '../models/folder-bundle-source.ts';
import { httpBundleSource } from '../models/http-bundle-source.ts';
import type { UpdateOutcome } from '../models/slots-file.ts';
import { askAgent, isNobodyThere } from './ask-agent.ts';
import { onlyModel } from './only-model.ts';
import { withStoppedAgent } from './stopped-agent.ts';
import { type AddVerb, addConfigFlags, type ConfigFlags, configOf } from './verb.ts';

interface Flags extends ConfigFlags {
  readonly json?: boolean;
}

export const updateVerb: AddVerb = (program, _version, choose) => {
  addConfigFlags(program.command('update'))
    .description('install a bundle: verified, tried out, switched to without losing a request')
    .argument('<bundle>', 'a folder, a .tar file, https://… or mqtt:FOLDER')
    .argument('[name]', 'the model; may be left out where there is one')
    .option('--json', 'the outcome as JSON')
    .action((bundle: string, name: string | undefined, flags: Flags) => {
      choose(async (world) => {
        const config = await configOf(flags);
        const model = onlyModel(config, name);
        const outcome = await install(config, model, bundle);
        world.writeOut(flags.json ? `${JSON.stringify(outcome)}\n` : outcomeText(model, outcome));
        return outcome.outcome === 'installed' ? 0 : 1;
      });
    });
};

async function install(config: AgentConfig, model: string, bundle: string): Promise<UpdateOutcome> {
  const { place, remove } = await placeOf(config, bundle);
  try {
    const question = { path: '/control/update', body: { model, bundle: place } };
    return (await askAgent(config.socket, question)) as UpdateOutcome;
  } catch (error) {
    if (!isNobodyThere(error)) throw error;
    return await withStoppedAgent(config, (models) =>
      models.find(model).updater.update({ source: sourceOf(place), isLocal: true }),
    );
  } finally {
    await remove();
  }
}

interface Place {
  readonly place: string;
  remove(): Promise<void>;
}

async function placeOf({ state }: AgentConfig, bundle: string): Promise<Place> {
  const nothing = async () => {};
  if (/^(https?|mqtt):/.test(bundle)) return { place: bundle, remove: nothing };
  const path = resolve(bundle);
  const found = await stat(path).catch((cause) => {
    throw new SplitError('options-invalid', `bundle is ${path}, which cannot be read`, { cause });
  });
  if (found.isDirectory()) return { place: path, remove: nothing };
  const unpacked = await unpackBundle(path, state);
  return { place: unpacked.folder, remove: unpacked.remove };
}

function sourceOf(place: string) {
  if (/^https?:/.test(place)) return httpBundleSource(place);
  if (place.startsWith('mqtt:'))
    throw new SplitError('options-invalid', 'mqtt: needs a running agent; start one with cutpoint-edge run');
  return folderBundleSource(place);
}

export function outcomeText(model: string, { outcome, version, step, reason }: UpdateOutcome): string {
  if (outcome === 'installed') return `${model}: version ${version} is in use\n`;
  if (outcome === 'rolled-back') return `${model}: version ${version} was taken back\n`;
  return `${model}: version ${version} ${outcome} at ${step}: ${reason}\n`;
}
