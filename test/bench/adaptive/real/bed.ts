/** What the real run needs on disk and as processes: a model, its input, a plan of it, Mosquitto and a gateway. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { type Plan, readPlan } from '../../../../sdk/src/planner/plan-file.ts';
import { makeModelFolder, startGatewayProcess } from '../../../support/gateway-process.ts';
import { startMosquitto } from '../../../support/mosquitto.ts';
import { npyBytes } from '../../../support/npy-files.ts';
import { croppedInputs } from '../../codec/pictures.ts';
import { benchNets } from '../nets.ts';

/** Of `nets.ts`: the slowest, beside whose stages timers and queues of programs are small. */
const NET = 'resnet50';
const PROFILES = 'uint8+deflate,uint4+context';
export const ROUND_TRIP_MS = 20;
export const DOWNLINK_BITS_PER_SECOND = 20e6;

/** What the edge process is told, beside the broker. */
export interface EdgeFiles {
  readonly model: string;
  readonly plan: string;
  readonly input: string;
  readonly dims: readonly number[];
  readonly inputName: string;
  readonly picture: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly slowdown: number;
}

export interface Bed {
  readonly plan: Plan;
  readonly files: EdgeFiles;
  readonly modelName: string;
  readonly brokerPort: number;
  close(): Promise<void>;
}

export async function makeBed(progress: (text: string) => void): Promise<Bed> {
  const net = benchNets().find(({ name }) => name === NET);
  if (!net) throw new Error(`no net ${NET}`);
  const { mean, std, width, height } = net.shape;
  const dims = [1, 3, height, width];
  const folder = await makeModelFolder({ [NET]: { model: net.file, inputs: { [net.input]: dims } } });
  const path = (name: string) => join(folder.path, name);
  const [input] = await croppedInputs(net.shape, 1);
  if (!input) throw new Error('no input');
  await writeFile(path('input.npy'), npyBytes(input));
  await writeFile(
    path('input.f32'),
    new Uint8Array(input.data.buffer, input.data.byteOffset, input.data.byteLength),
  );
  await writeFile(path('picture.jpg'), await pictureOf(width, height));
  const files: EdgeFiles = {
    ...{ model: folder.model(NET), plan: path('plan.json'), input: path('input.f32'), dims },
    ...{ inputName: net.input, picture: path('picture.jpg'), mean, std, slowdown: net.deviceSlowdown },
  };
  progress('profiling both machines ...');
  await makePlan(files, path);
  const plan = readPlan(JSON.parse(await readFile(files.plan, 'utf8')));
  const mosquitto = await startMosquitto();
  const gateway = await startGatewayProcess(['--models', folder.path, '--broker', mosquitto.url]);
  const close = async () => {
    await gateway.kill('SIGTERM');
    await mosquitto.close();
    await folder.remove();
  };
  return { plan, files, modelName: NET, brokerPort: mosquitto.port, close };
}

/** As a camera would hand it over. */
function pictureOf(width: number, height: number): Promise<Uint8Array> {
  const photograph = fileURLToPath(
    new URL('../../../../samples/ocr/assets/street-sign.jpg', import.meta.url),
  );
  return sharp(photograph).resize(width, height, { fit: 'fill' }).jpeg({ quality: 90 }).toBuffer();
}

/** By the program, as a user would. */
async function makePlan(
  { model, inputName, dims, picture, plan, slowdown }: EdgeFiles,
  path: (name: string) => string,
): Promise<void> {
  const main = fileURLToPath(new URL('../../../../sdk/src/cli/main.ts', import.meta.url));
  const run = (...args: readonly string[]) =>
    promisify(execFile)(process.execPath, ['--conditions=@cutpoint/source', main, ...args]);
  const shared = [
    '--threads',
    '1',
    ...['--rounds', '5', '--pause', '0'],
    '--shape',
    `${inputName}=${dims.join('x')}`,
    '--inputs',
    path('input.npy'),
  ];
  const sent = ['--image', picture, '--codecs', PROFILES];
  const [edge, cloud] = [path('edge.json'), path('cloud.json')];
  await run('profile', model, ...shared, ...sent, '--slowdown', `${slowdown}`, '--out', edge);
  await run('profile', model, ...shared, ...sent, '--as', 'gateway', '--out', cloud);
  await run(
    ...['plan', model, '--edge', edge, '--cloud', cloud, '--rtt', `${ROUND_TRIP_MS}ms`],
    ...['--downlink', `${DOWNLINK_BITS_PER_SECOND / 1e6}Mbps`, '--out', plan],
  );
}
