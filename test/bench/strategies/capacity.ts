/**
 * The capacity report against a real run: two gateways as processes at a Mosquitto, and 200 devices in this one. The devices are
 * those of the simulator (the same controllers, the same rules), on real time: what they and their links take is waited for, and
 * requests, broker, gateways, queues, batches and tails are real. And how long a fleet of 100,000 takes to simulate.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { silentLog } from '../../../cloud-gateway/src/log.ts';
import { prepareModel } from '../../../cloud-gateway/src/models/prepare-model.ts';
import { readFleet } from '../../../sdk/src/capacity/fleet-file.ts';
import { type ClassPlan, classPlans } from '../../../sdk/src/capacity/fleet-plans.ts';
import { simulateFleet } from '../../../sdk/src/capacity/fleet-simulation.ts';
import { createTally } from '../../../sdk/src/capacity/tally.ts';
import { type Plan, readPlan } from '../../../sdk/src/planner/plan-file.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { seededRandom } from '../../../sdk/src/testing/random.ts';
import { type ModelFolder, makeModelFolder, startGatewayProcess } from '../../support/gateway-process.ts';
import { mobilenetV2 } from '../../support/models/mobilenet-v2.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { playForReal } from './real-fleet.ts';

const SHAPE = [1, 3, 224, 224];
const DEVICE_SLOWDOWN = 20;
const DEVICES = 200;
const EVERY_SECONDS = 6;
const GATEWAYS = 2;
const SECONDS = 60;
const WARM_UP_SECONDS = 15;
const LINK = { uplinkMbps: { p5: 2, p50: 8, p95: 32 }, downlinkMbps: 20, roundTripMs: 30 };

export interface CapacityFigures {
  /** Of the 95th percentile: how far the simulation is off, as a share. */
  readonly capacityP95Error: number;
  readonly simulate100kSeconds: number;
}

export async function capacityFigures(progress: (text: string) => void): Promise<CapacityFigures> {
  const folder = await makeModelFolder({
    net: { model: mobilenetV2.make({ scale: 1 }), inputs: { input: SHAPE } },
  });
  const mosquitto = await startMosquitto();
  try {
    const plan = await makePlan(folder);
    const batches = await measuredBatches(folder.model('net'));
    progress(`batches: ${batches.map(({ size, share }) => `${size} at ${share.toFixed(2)}`).join(', ')}`);
    const fleet = readFleet({
      ...{ name: 'the real run', slo: { p95Ms: 1000 }, gateway: { batches } },
      classes: [
        { name: 'devices', plan: 'plan.json', devices: DEVICES, everySeconds: EVERY_SECONDS, link: LINK },
      ],
    });
    const classes = classPlans(fleet, [{ plan }]);
    const simulated = simulateFleet({
      ...{ fleet, classes, gateways: [GATEWAYS], random: seededRandom(1) },
      ...{ warmUpMs: 1000 * WARM_UP_SECONDS, durationMs: 10_000 * SECONDS },
    });
    const [tally] = simulated.classes;
    const expectedMs = tally?.latency.quantile(0.95) ?? Number.NaN;
    const args = [
      '--models',
      folder.path,
      '--broker',
      mosquitto.url,
      '--threads',
      '1',
      '--decode-threads',
      '0',
    ];
    const gateways = await Promise.all(
      Array.from({ length: GATEWAYS }, (_, i) => startGatewayProcess([...args, '--id', `gw-${i}`])),
    );
    const real = createTally();
    const queue = createTally();
    await playForReal({
      ...{ fleet, plan: classes[0] as ClassPlan, model: folder.model('net'), shape: SHAPE },
      ...{ broker: mosquitto.url, warmUpMs: 1000 * WARM_UP_SECONDS, durationMs: 1000 * SECONDS },
      random: seededRandom(2),
      onAnswer: (ms) => real.push(ms),
      onQueue: (ms) => queue.push(ms),
    });
    await Promise.all(gateways.map((gateway) => gateway.kill('SIGTERM')));
    const realMs = real.quantile(0.95);
    progress(
      `${real.count} requests: p95 ${realMs.toFixed(1)} ms real, ${expectedMs.toFixed(1)} simulated; p50 ${real.quantile(0.5).toFixed(1)} and ${tally?.latency.quantile(0.5).toFixed(1)}; queue p95 ${queue.quantile(0.95).toFixed(1)} and ${tally?.queue.quantile(0.95).toFixed(1)}; asked ${queue.count} and ${tally?.queue.count}`,
    );
    const simulate100kSeconds = simulate100k(plan);
    progress(`100,000 devices: ${simulate100kSeconds.toFixed(1)} s`);
    return { capacityP95Error: Math.abs(expectedMs / realMs - 1), simulate100kSeconds };
  } finally {
    await mosquitto.close();
    await folder.remove();
  }
}

/** By the program, as a user would. */
async function makePlan(folder: ModelFolder): Promise<Plan> {
  const main = fileURLToPath(new URL('../../../sdk/src/cli/main.ts', import.meta.url));
  const run = (...args: readonly string[]) =>
    promisify(execFile)(process.execPath, ['--conditions=@cutpoint/source', main, ...args]);
  const model = folder.model('net');
  const path = (name: string) => join(folder.path, name);
  const shape = ['--shape', `input=${SHAPE.join('x')}`];
  const shared = [...shape, '--threads', '1', '--rounds', '5', '--codecs', 'uint8+deflate'];
  await run('profile', model, ...shared, '--slowdown', `${DEVICE_SLOWDOWN}`, '--out', path('edge.json'));
  await run('profile', model, ...shared, '--out', path('cloud.json'));
  await run(
    ...['plan', model, '--edge', path('edge.json'), '--cloud', path('cloud.json')],
    ...[
      '--rtt',
      `${LINK.roundTripMs}ms`,
      '--downlink',
      `${LINK.downlinkMbps}Mbps`,
      '--out',
      path('plan.json'),
    ],
  );
  return readPlan(JSON.parse(await readFile(path('plan.json'), 'utf8')));
}

/** As a gateway measures them when it loads the model. */
async function measuredBatches(path: string) {
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const model = await prepareModel({
      ...{ name: 'net', version: '1', source: fileSource(path), inputShapes: { input: SHAPE } },
      executors: [{ name: 'cpu', provider: 'cpu', runtime }],
      ...{ maxCuts: 8, maxBatch: 32, log: silentLog() },
    });
    const sizes = [2, 4, 8, 16, 32].filter((size) => size <= model.batchCost.mostUseful);
    return sizes.map((size) => ({ size, share: Math.min(1, model.batchCost.shareAt(size)) }));
  } finally {
    await runtime.close();
  }
}

/** Simulating 100,000 devices, each with a request a minute, for a minute, at 20 gateways. */
function simulate100k(plan: Plan): number {
  const devices = 100_000;
  const fleet = readFleet({
    ...{ name: 'a hundred thousand', slo: { p95Ms: 1000 } },
    classes: [{ name: 'devices', plan: 'plan.json', devices, everySeconds: 60, link: LINK }],
  });
  const startMs = performance.now();
  const run = simulateFleet({
    ...{ fleet, classes: classPlans(fleet, [{ plan }]), gateways: [20], random: seededRandom(1) },
    ...{ warmUpMs: 10_000, durationMs: 60_000 },
  });
  if ((run.classes[0]?.latency.count ?? 0) < 0.9 * devices)
    throw new Error('not every device made a request');
  return (performance.now() - startMs) / 1000;
}
