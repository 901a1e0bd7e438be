/** Sealed payloads between a session and the gateway program, whose devices file changes while both run. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSplitSession, type SplitSessionOptions } from '@cutpoint/sdk/node';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type ModelFolder, makeModelFolder, startGatewayProcess } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

const x = randomTensor(randomNumbers(4), [1, 3, 32, 32]);
const PASSWORD = 'a password that nobody guesses';
const newKey = (id: string) => ({ id, key: randomBytes(32).toString('base64url') });

let models: ModelFolder;
beforeAll(async () => {
  models = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: x.dims } } });
});
afterAll(() => models.remove());

async function startGateway(devices: object, ...further: readonly string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'cutpoint-devices-'));
  const path = join(directory, 'devices.yaml');
  const write = (content: object) => writeFile(path, JSON.stringify(content));
  await write(devices);
  const start = async (...flags: readonly string[]) => {
    const common = ['--models', models.path, '--devices', path, '--threads', '1'];
    const gateway = await startGatewayProcess([...common, ...flags]);
    onTestFinished(async () => void (await gateway.kill('SIGKILL')));
    return gateway;
  };
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const { broker } = await start('--listen', '127.0.0.1:0', ...further);
  return { broker, write, directory, start };
}

type Opened = Partial<SplitSessionOptions> & { readonly broker: string };

async function openWhole(options: Opened) {
  const session = await createSplitSession(models.model('net'), {
    ...{ model: 'net', device: 'dev', username: 'dev', password: PASSWORD, fallback: 'none' },
    ...{ profiles: ['float32'], inputShapes: { input: x.dims }, threads: 1 },
    ...options,
  } as SplitSessionOptions);
  onTestFinished(() => session.release());
  await session.run({ input: x });
  return session;
}

async function openSession(options: Opened) {
  const session = await openWhole(options);
  const arm = session.arms.find(({ kind }) => kind === 'split')?.id ?? '';
  return { runSplit: () => session.run({ input: x }, { arm }) };
}

test('a key is rotated while devices ask: both hold, then only the new one', async () => {
  const [first, second] = [newKey('k1'), newKey('k2')];
  const file = (...keys: readonly object[]) => ({ devices: [{ id: 'dev', password: PASSWORD, keys }] });
  const { broker, write } = await startGateway(file(first));
  const sealedBy = ({ id, key }: typeof first) => openSession({ broker, encryption: { keyId: id, key } });
  const old = await sealedBy(first);
  expect(await old.runSplit()).toHaveProperty('output');

  const early = await sealedBy(second);
  await expect(early.runSplit()).rejects.toMatchObject({ code: 'decryption-failed' });

  await write(file(first, second));
  await expect.poll(() => codeOf(early.runSplit()), { timeout: 10_000 }).toBe('answered');
  expect(await codeOf(old.runSplit())).toBe('answered');

  await write(file({ ...first, notAfter: new Date(Date.now() - 1000).toISOString() }, second));
  await expect.poll(() => codeOf(old.runSplit()), { timeout: 10_000 }).toBe('decryption-failed');
  expect(await codeOf(early.runSplit())).toBe('answered');

  // A mistake in the file changes nothing.
  await write({ devices: [{ id: 'dev', password: 'short' }] });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await codeOf(early.runSplit())).toBe('answered');
});

test('requests in the clear are refused where seals are required, and taken where they are optional', async () => {
  const devices = [
    { id: 'dev', password: PASSWORD },
    { id: 'sealed', password: PASSWORD, keys: [newKey('k1')] },
  ];
  for (const [encryption, expected] of [
    ['required', 'encryption-required'],
    ['optional', 'answered'],
  ]) {
    const { broker } = await startGateway({ encryption, devices });
    const session = await openSession({ broker });
    expect([encryption, await codeOf(session.runSplit())]).toEqual([encryption, expected]);
  }
});

test('a stage seals for the next one as a device does, and hands nothing sealed on without a key', async () => {
  const [own, handing] = [newKey('k1'), newKey('k2')];
  const { broker, directory, start } = await startGateway(
    {
      gateways: [
        { id: 'fog', password: PASSWORD },
        { id: 'bare', password: PASSWORD },
      ],
      devices: [
        { id: 'dev', password: PASSWORD, keys: [own] },
        { id: 'handing', password: PASSWORD, keys: [handing] },
      ],
    },
    ...['--id', 'cloud'],
  );
  const login = (id: string) => broker.replace('mqtt://', `mqtt://${id}:${encodeURIComponent(PASSWORD)}@`);
  const keyPath = join(directory, 'next.key');
  await writeFile(keyPath, `${handing.key}\n`);
  const http = ['--http', '127.0.0.1:0'];
  const next = ['--next', login('handing')];
  const key = ['--next-key-id', 'k2', '--next-key', keyPath];
  const fog = await start('--broker', login('fog'), '--id', 'fog', ...next, ...key, ...http);
  await start('--broker', login('bare'), '--id', 'bare', ...next);
  const runVia = async (first: string) => {
    const encryption = { keyId: own.id, key: own.key };
    const session = await openWhole({ broker, encryption, stages: [[first], ['cloud']] });
    const arm = session.arms.find((one) => one.kind === 'split' && one.via && one.cut.position > 0)?.id ?? '';
    const run = () => session.run({ input: x }, { arm });
    return { run, session };
  };
  const sealed = await runVia('fog');
  await expect.poll(() => codeOf(sealed.run()), { timeout: 10_000 }).toBe('answered');
  expect(sealed.session.lastTrace).toMatchObject({ gateway: 'fog', stages: [{ gateway: 'cloud' }] });
  const clear = await runVia('bare');
  await expect.poll(() => codeOf(clear.run()), { timeout: 10_000 }).toBe('encryption-required');
  const metrics = await (await fetch(`${fog.http}/metrics`)).text();
  expect(metrics).toMatch(/cutpoint_hand_on_duration_seconds_count\{model="net",version="\w+"\} [1-9]/);
});

async function codeOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
}
