/**
 * The sample's node in Node-RED's own runtime, which is installed for it: a message in, the model's answer out, errors to a
 * catch. That runtime brings all of npm with it, which is why no package of this repository depends on it.
 */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import type { Tensor, Trace } from '@cutpoint/sdk/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { directRuntime } from '../support/direct-runtime.ts';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { command } from '../support/packages.ts';
import { relativeError } from '../support/split-runs.ts';

const input = randomTensor(randomNumbers(11), [1, 3, 32, 32]);
const RUNTIME = '@node-red/runtime@5.0.7';
const NODE = new URL('../../samples/node-red', import.meta.url).pathname;

interface Message {
  readonly payload: Readonly<Record<string, Tensor>>;
  readonly trace?: Trace;
  readonly error?: { readonly message: string };
}

/** What of Node-RED's runtime is used here; it has no types. */
interface NodeRed {
  init(settings: object): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Nodes of the test: what reaches one is handed over, and what is thrown in the flow. */
const PROBE = `module.exports = (RED) => {
  function Probe(config) {
    RED.nodes.createNode(this, config);
    this.on('input', (message) => RED.events.emit('probe', message));
    RED.events.on('probe-send', this.send.bind(this));
  }
  RED.nodes.registerType('probe', Probe);
  function Catch(config) {
    RED.nodes.createNode(this, config);
    this.scope = null;
    this.on('input', (message) => RED.events.emit('probe', message));
  }
  RED.nodes.registerType('catch', Catch);
};`;

let folder: ModelFolder;
let gateway: Gateway;
let userDirectory: string;
let red: NodeRed;
let events: import('node:events').EventEmitter;

beforeAll(async () => {
  folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: input.dims } } });
  gateway = await startGateway(
    resolveConfig({ models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0', maxBatch: 1 }),
  );
  userDirectory = await mkdtemp(join(tmpdir(), 'cutpoint-node-red-'));
  const probes = join(userDirectory, 'probes');
  await mkdir(probes);
  const manifest = { name: 'probe', version: '1.0.0', 'node-red': { nodes: { probe: 'probe.js' } } };
  await writeFile(join(probes, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(probes, 'probe.js'), PROBE);
  await writeFile(join(probes, 'probe.html'), '');
  const session = {
    model: folder.model('net'),
    served: 'net',
    broker: gateway.brokerUrl,
    deadlineMs: 10_000,
  };
  const flows = [
    { id: 'flow', type: 'tab' },
    { id: 'in', z: 'flow', type: 'probe', wires: [['session']] },
    { id: 'session', z: 'flow', type: 'cutpoint-session', ...session, wires: [['out']] },
    { id: 'out', z: 'flow', type: 'probe', wires: [] },
    { id: 'errors', z: 'flow', type: 'catch', wires: [] },
  ];
  await writeFile(join(userDirectory, 'flows.json'), JSON.stringify(flows));
  await writeFile(join(userDirectory, 'package.json'), JSON.stringify({ name: 'flows', private: true }));
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await command('npm', ['install', ...flags, RUNTIME], userDirectory);
  const require = createRequire(join(userDirectory, 'package.json'));
  const util = require('@node-red/util') as NodeRed & { events: typeof events };
  red = require('@node-red/runtime') as NodeRed;
  events = util.events;
  const settings = {
    ...{ userDir: userDirectory, nodesDir: [NODE, probes], flowFile: 'flows.json', credentialSecret: false },
    ...{ logging: { console: { level: 'off' } }, telemetry: { enabled: false, updateNotification: false } },
  };
  util.init(settings);
  red.init(settings);
  const started = once(events, 'flows:started');
  await red.start();
  await started;
}, 300_000);
afterAll(async () => {
  await red?.stop();
  await gateway?.stop();
  await folder?.remove();
  if (userDirectory) await rm(userDirectory, { recursive: true, maxRetries: 5 });
});

async function ask(payload: unknown): Promise<Message> {
  const answer = once(events, 'probe');
  events.emit('probe-send', { payload });
  return (await answer)[0] as Message;
}

it('answers with the model’s outputs, and with an error that a flow can catch', {
  timeout: 60_000,
}, async () => {
  const runtime = directRuntime();
  const model = await runtime.load({ bytes: smallConvNet() });
  const { values } = await runtime.run({ models: [model], feeds: { input }, fetches: ['output'] });
  await model.release();
  // The first is answered here, and one of those that follow by the gateway, or not: it is right in any case.
  for (let runs = 0; runs < 3; runs++) {
    const { payload, trace } = await ask({ input });
    expect(relativeError(payload.output, values.output)).toBeLessThan(0.05);
    expect(trace?.totalMs).toBeGreaterThan(0);
  }
  const { error } = await ask({ wrong: input });
  expect(error?.message).toMatch(/wrong/);
});
