/** `cutpoint-edge bundle`: bundles as files, recordings for their trial, and a folder of them served over MQTT. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { MANIFEST_FILE, openBundle, verifyParts } from '@cutpoint/sdk/bundle';
import { connectMqtt } from '@cutpoint/sdk/gateway';
import type { Command } from 'commander';
import { nodeDisk } from '../disk/node-disk.ts';
import { DEFAULT_NAMESPACE } from '../fleet/topics.ts';
import { readLogin } from '../login.ts';
import { packBundle } from '../models/bundle-file.ts';
import { openModelStore } from '../models/model-store.ts';
import { recordTrial } from '../models/record-trial.ts';
import { serveBundles } from '../models/serve-bundles.ts';
import { onlyModel } from './only-model.ts';
import { type AddVerb, addConfigFlags, type ConfigFlags, configOf, type Job } from './verb.ts';

export const bundleVerb: AddVerb = (program, _version, choose) => {
  const bundle = program
    .command('bundle')
    .description(
      'bundles as files, with recordings for their trial, or served over MQTT (made by: cutpoint bundle)',
    );
  addPack(bundle, choose);
  addExport(bundle, choose);
  addRecord(bundle, choose);
  addServe(bundle, choose);
};

type Choose = (job: Job) => void;

function addPack(bundle: Command, choose: Choose): void {
  bundle
    .command('pack')
    .description('a folder with a bundle as one file, for devices without a network')
    .argument('<folder>')
    .argument('<file.tar>')
    .action((folder: string, file: string) => {
      choose(async (world) => {
        await verifyParts(await openBundle(folder));
        await packBundle(resolve(folder), resolve(file));
        world.writeOut(`${resolve(file)}: ${(await stat(file)).size} bytes\n`);
        return undefined;
      });
    });
}

function addExport(bundle: Command, choose: Choose): void {
  addConfigFlags(bundle.command('export'))
    .description('the bundle in use on this device as one file')
    .argument('<file.tar>')
    .argument('[name]', 'the model; may be left out where there is one')
    .action((file: string, name: string | undefined, flags: ConfigFlags) => {
      choose(async (world) => {
        const config = await configOf(flags);
        const model = onlyModel(config, name);
        const store = await openModelStore({ disk: nodeDisk(), folder: join(config.state, 'models', model) });
        const { folder, version } = await store.open(store.slots.active);
        if (folder === undefined)
          throw new SplitError(
            'bundle-invalid',
            `${model} is the configuration's own file, which is no bundle`,
          );
        await packBundle(folder, resolve(file));
        world.writeOut(`${resolve(file)}: version ${version} of ${model}\n`);
        return undefined;
      });
    });
}

interface RecordFlags {
  readonly input?: readonly string[];
  readonly shape?: readonly string[];
}

function addRecord(bundle: Command, choose: Choose): void {
  bundle
    .command('record')
    .description('add a recording to a bundle that is being made: devices play it before they use the bundle')
    .argument('<folder>', 'with model.onnx in it; afterwards: cutpoint bundle')
    .option('--input <file.npy...>', "in the order of the model's inputs (default: made-up numbers)")
    .option('--shape <name=1,3,640,640...>', 'shapes of made-up inputs, where the model leaves them open')
    .action((folder: string, flags: RecordFlags) => {
      choose(async (world) => {
        const shapes = Object.fromEntries((flags.shape ?? []).map(readShape));
        if (await stat(join(folder, MANIFEST_FILE)).catch(() => undefined))
          world.writeError(`${MANIFEST_FILE} does not name the recording: run cutpoint bundle again\n`);
        const place = await recordTrial({ folder: resolve(folder), inputs: flags.input ?? [], shapes });
        world.writeOut(`${place}\n`);
        return undefined;
      });
    });
}

function readShape(text: string): readonly [string, readonly number[]] {
  const [name = '', list = ''] = text.split('=');
  const dims = list.split(',').map(Number);
  if (name !== '' && dims.every((dim) => Number.isInteger(dim) && dim > 0)) return [name, dims];
  throw new SplitError('options-invalid', `shape is '${text}'; expected NAME=1,3,640,640`);
}

function addServe(bundle: Command, choose: Choose): void {
  addConfigFlags(bundle.command('serve'))
    .description('serve a folder of bundles over MQTT, to devices that take mqtt:FOLDER')
    .argument('<folder>')
    .action((folder: string, flags: ConfigFlags) => {
      choose(async (world) => {
        const stop = world.stopRequested();
        const {
          broker,
          namespace = DEFAULT_NAMESPACE,
          ...config
        } = await configOf({
          ...flags,
          model: flags.model ?? 'none=none',
        });
        const transport = await connectMqtt({ url: broker, ...(await readLogin({ broker, ...config })) });
        const stopServing = await serveBundles(transport, namespace, resolve(folder));
        world.writeOut(`${JSON.stringify({ ready: true, folder: resolve(folder) })}\n`);
        await stop;
        await stopServing();
        await transport.close();
        return undefined;
      });
    });
}
