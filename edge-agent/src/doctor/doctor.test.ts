/** The doctor names the cause of each of these, staged with real parts wherever one can be had. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPublisher, type Publisher } from '../../../test/ota/bundles.ts';
import { type AedesBroker, startAedes } from '../../../test/support/aedes.ts';
import { type Certificates, makeAuthority, opensslMissing } from '../../../test/support/certificates.ts';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../../../test/support/gateway-process.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { type Mosquitto, mosquittoMissing, startMosquitto } from '../../../test/support/mosquitto.ts';
import { twoMachinePlan } from '../../../test/support/two-machine-plan.ts';
import { loadConfig } from '../config.ts';
import { runProgram } from '../program.ts';
import { checkNode } from './check-machine.ts';
import { type CheckName, type ExamineOptions, examine } from './examine.ts';
import type { Finding } from './finding.ts';

const DAY_MS = 86_400_000;
const PASSWORD = 'a-password-that-nobody-guesses';
let folder: string;
let broker: AedesBroker;
const ends: (() => unknown)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-doctor-'));
  await writeFile(join(folder, 'net.onnx'), smallConvNet());
  broker = await startAedes();
  ends.push(
    () => broker.close(),
    () => rm(folder, { recursive: true, force: true }),
  );
});
afterAll(async () => {
  for (const end of ends) await end();
});

let places = 0;
/** The doctor on a device that is well but for these keys; every time with a state folder of its own. */
async function findings(
  only: CheckName | undefined,
  changes: object = {},
  options: ExamineOptions = {},
): Promise<readonly Finding[]> {
  const flags = {
    broker: broker.url,
    device: 'd1',
    models: { net: { path: join(folder, 'net.onnx') } },
    state: join(folder, `state-${places++}`),
    listen: '127.0.0.1:0',
    connectTimeoutMs: 300,
    ...changes,
  };
  return await examine(await loadConfig({ flags }), { ...options, ...(only && { only: [only] }) });
}

/** What is not well, in one text. */
const sick = (found: readonly Finding[]) =>
  found
    .filter(({ level }) => level !== 'ok')
    .map(({ check, level, what, advice }) => `${level} ${check}: ${what} -> ${advice}`)
    .join('\n');

describe('the doctor', { timeout: 90_000 }, () => {
  it('finds a device well whose broker, rights, model and gateway are', async () => {
    const models: ModelFolder = await makeModelFolder({
      net: { model: smallConvNet(), inputs: { input: [1, 3, 32, 32] } },
    });
    const gateway: GatewayProcess = await startGatewayProcess([
      '--models',
      models.path,
      '--listen',
      '127.0.0.1:0',
      '--threads',
      '1',
      '--devices',
      await devicesFile({ id: 'd1', password: PASSWORD, agent: ['net'] }),
    ]);
    const broker = gateway.broker.replace('//', `//d1:${PASSWORD}@`);
    const found = await findings(undefined, { broker, connectTimeoutMs: 5_000 });
    const other = await findings('gateway', {
      broker,
      connectTimeoutMs: 5_000,
      models: { net: { path: await otherModel() } },
    });
    await gateway.kill('SIGKILL');
    await models.remove();
    expect(sick(found.filter(({ check }) => !['memory', 'power', 'temperature'].includes(check)))).toBe('');
    expect(found.find(({ check }) => check === 'runtime net')?.what).toBe('time by provider: cpu 100 %');
    expect(sick(other)).toMatch(/failure gateway net: model-mismatch.*different files/);
  });

  it('names a Node that is too old', () => {
    expect(checkNode('20.20.2')).toMatchObject({
      level: 'failure',
      advice: expect.stringContaining('22.12'),
    });
  });

  it('names a broker that nobody started', async () => {
    expect(sick(await findings('broker', { broker: 'mqtt://127.0.0.1:1' }))).toMatch(
      /failure broker: .*nobody listens there \(ECONNREFUSED\)/,
    );
  });

  it('names a broker whose name is not known', async () => {
    expect(sick(await findings('broker', { broker: 'mqtt://no-such-host.invalid' }))).toMatch(
      /failure broker: .*(name is not known|no name server)/,
    );
  });

  it('names a login that is refused', async () => {
    const strict = await startAedes({ password: 'secret' });
    ends.push(() => strict.close());
    expect(sick(await findings('broker', { broker: strict.url.replace('//', '//d1:wrong@') }))).toMatch(
      /failure broker: it refuses the login/,
    );
  });

  it('names a port that speaks another protocol', async () => {
    const server = createServer((_request, reply) => reply.end());
    const port = await listen(server);
    expect(sick(await findings('broker', { broker: `mqtt://127.0.0.1:${port}` }))).toMatch(
      /failure broker: .*speaks no MQTT/,
    );
  });

  it.skipIf(mosquittoMissing())(
    'names a broker limit that is too small, told or not',
    { timeout: 90_000 },
    async () => {
      const told = await startMosquitto({ maxPacketBytes: 4_096 });
      ends.push(() => told.close());
      expect(sick(await findings('broker', { broker: told.url }))).toMatch(
        /failure broker limits: it takes packets of 4096 bytes at most/,
      );
      const silent: Mosquitto = await startMosquitto({ files: plainMosquitto('message_size_limit 4096') });
      ends.push(() => silent.close());
      expect(sick(await findings('broker', { broker: silent.url }))).toMatch(
        /failure broker limits: a message of \d+ bytes does not come back/,
      );
    },
  );

  it.skipIf(mosquittoMissing())('names missing rights on its own topics', async () => {
    const strict = await startMosquitto({ files: plainMosquitto('acl_file acl', 'topic readwrite other/#') });
    ends.push(() => strict.close());
    expect(sick(await findings('broker', { broker: strict.url }))).toMatch(
      /failure broker rights: .*cutpoint\/edge\/d1\/echo/,
    );
  });

  it('names a provider whose library is not there', async () => {
    const found = sick(await findings('runtime', { runtime: { provider: 'cuda' } }));
    expect(found).toMatch(
      /failure runtime net: cuda needs lib\S+\.so\S*, which is not there -> install CUDA 12|has no cuda/,
    );
  });

  it('names a provider that this build never had, and a build that is not there', async () => {
    expect(sick(await findings('runtime', { runtime: { provider: 'nope' } }))).toMatch(
      /failure runtime net: .*nope/,
    );
    expect(
      sick(await findings('runtime', { runtime: { modulePath: '/opt/no-such-build/index.js' } })),
    ).toMatch(/failure runtime net: \/opt\/no-such-build\/index.js is not installed/);
  });

  it('names a model that is not there, and one that is none', async () => {
    expect(sick(await findings('models', { models: { net: { path: '/no/such.onnx' } } }))).toMatch(
      /failure model net: \/no\/such\.onnx is not there/,
    );
    const broken = join(folder, 'broken.onnx');
    await writeFile(broken, smallConvNet().subarray(0, 2_000));
    expect(sick(await findings('runtime', { models: { net: { path: broken } } }))).toMatch(
      /failure runtime net: /,
    );
  });

  it('names a slot whose digest does not hold any more, and keys that are none', async () => {
    const publisher: Publisher = await createPublisher();
    ends.push(() => publisher.close());
    await publisher.publish({ seed: 9, version: 'v1', counter: 1 });
    const state = join(folder, `state-${places++}`);
    await mkdir(join(state, 'models/net'), { recursive: true });
    await cp(join(publisher.folder, 'v1'), join(state, 'models/net/a'), { recursive: true });
    const slots = { format: 'cutpoint-slots', active: 'a', previous: 'base', isConfirmed: true, starts: 0 };
    await writeFile(join(state, 'models/net/slots.json'), JSON.stringify(slots));
    const model = join(state, 'models/net/a/model.onnx');
    const bytes = await readFile(model);
    bytes[1_000] = (bytes[1_000] ?? 0) ^ 1;
    await writeFile(model, bytes);
    const updates = { keys: publisher.keyPath };
    expect(sick(await findings('models', { state, updates }))).toMatch(
      /failure model net: bundle-invalid: model\.onnx has another digest/,
    );
    expect(sick(await findings('models', { updates: { keys: join(folder, 'net.onnx') } }))).toMatch(
      /failure keys: .*no public key/,
    );
  });

  it('names a port and a socket that are taken', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    expect(sick(await findings('places', { listen: `127.0.0.1:${port}` }))).toMatch(
      /failure port: .* is taken by another program/,
    );
    const path = join(folder, 'taken.sock');
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(path, resolve));
    ends.push(() => other.close());
    expect(sick(await findings('places', { socket: path }))).toMatch(
      /failure socket: .* is another program's/,
    );
    expect(sick(await findings('places', { socket: `/tmp/${'x'.repeat(120)}.sock` }))).toMatch(
      /failure socket: .* at most 107/,
    );
  });

  it('names a disk that is read-only or full', async (context) => {
    const place = join(folder, 'mounted');
    await mkdir(place);
    const mount = (options: string) =>
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place], { stdio: 'pipe' });
    try {
      mount('ro,size=1m');
    } catch {
      return context.skip('nothing may be mounted here');
    }
    try {
      expect(sick(await findings('disk', { state: join(place, 'state') }))).toMatch(
        /failure disk: .*read-only/,
      );
      execFileSync('umount', [place]);
      mount('rw,size=32k');
      expect(sick(await findings('disk', { state: join(place, 'state') }))).toMatch(
        /failure disk: .*the disk is full/,
      );
    } finally {
      execFileSync('umount', [place]);
    }
  });

  it('names a clock that is off by a day, either way', async () => {
    const state = join(folder, `state-${places++}`);
    await mkdir(state);
    await writeFile(join(state, 'health.json'), '{"nextAtMs":0}');
    const late = new Date(Date.now() + DAY_MS);
    await utimes(join(state, 'health.json'), late, late);
    expect(sick(await findings('clock', { state }))).toMatch(
      /failure clock: it says .*, but this agent wrote files at /,
    );
    const server = createServer((_request, reply) =>
      reply.setHeader('date', new Date(Date.now() - DAY_MS).toUTCString()).end(),
    );
    const clockUrl = `http://127.0.0.1:${await listen(server)}`;
    expect(sick(await findings('clock', {}, { clockUrl }))).toMatch(
      /failure clock: it says .* 24 hours ahead of/,
    );
  });

  it('names heat, a power mode and a lack of room for the queues', async () => {
    const root = join(folder, 'root');
    await mkdir(join(root, 'sys/class/thermal/thermal_zone0'), { recursive: true });
    await mkdir(join(root, 'var/lib/nvpmodel'), { recursive: true });
    await mkdir(join(root, 'etc'), { recursive: true });
    await writeFile(join(root, 'sys/class/thermal/thermal_zone0/temp'), '91500\n');
    await writeFile(join(root, 'var/lib/nvpmodel/status'), 'pmode:0003 fmode:quiet\n');
    await writeFile(join(root, 'etc/nvpmodel.conf'), '< POWER_MODEL ID=3 NAME=MODE_15W >\n');
    const found = [
      ...(await findings('machine', {}, { root })),
      ...(await findings('disk', { queue: { maxBytes: 2 ** 50 } })),
    ];
    expect(sick(found)).toMatch(/warning temperature: 92 °C/);
    expect(sick(found)).toMatch(/warning disk: .*queue.maxBytes/);
    expect(found.find(({ check }) => check === 'power')?.what).toBe('mode MODE_15W');
  });

  it('names a plan of times that were taken in another mode', async () => {
    const root = join(folder, 'other-mode');
    const cpu = join(root, 'sys/devices/system/cpu/cpu0/cpufreq');
    await mkdir(cpu, { recursive: true });
    await mkdir(join(root, 'sys/class/thermal/cooling_device0'), { recursive: true });
    await writeFile(join(cpu, 'scaling_governor'), 'schedutil\n');
    await writeFile(join(cpu, 'scaling_max_freq'), '729600\n');
    await writeFile(join(root, 'sys/class/thermal/cooling_device0/type'), 'cpufreq-cpu0\n');
    await writeFile(join(root, 'sys/class/thermal/cooling_device0/cur_state'), '2\n');
    const mode = { powerMode: 'MAXN', governor: 'schedutil', maxMegahertz: 1984, wasThrottled: false };
    const plan = join(folder, 'mode-plan.json');
    await writeFile(plan, twoMachinePlan({ ...mode, temperatureCelsius: null }));
    const models = { net: { path: join(folder, 'net.onnx'), plan } };
    const found = sick(await findings('models', { models }, { root }));
    expect(found).toMatch(/warning model net: its plan was made in another mode/);
    expect(found).toMatch(/up to 1984 MHz then, 730 MHz now; slowed down for heat now, and not then/);
    expect(found).not.toMatch(/governor|power mode/);
    expect(sick(await findings('machine', {}, { root }))).toMatch(
      /warning temperature: .*slowed down for heat/,
    );
  });

  describe.skipIf(opensslMissing())('with certificates', () => {
    let authority: Certificates;
    beforeAll(() => {
      authority = makeAuthority();
      ends.push(() => authority.remove());
    });

    it('names those that have expired, are not valid yet, expire soon, or belong to another key', async () => {
      const one = authority.issue('one');
      const two = authority.issue('two');
      const tls = { ca: authority.ca, cert: one.cert, key: one.key };
      expect(sick(await findings('certificates', { tls }))).toMatch(/warning tls.cert: .*expires in 1 days/);
      expect(sick(await findings('certificates', { tls }, { now: () => Date.now() + 3 * DAY_MS }))).toMatch(
        /failure tls.cert: .* has expired on/,
      );
      expect(sick(await findings('certificates', { tls }, { now: () => Date.now() - 2 * DAY_MS }))).toMatch(
        /failure tls.cert: .* is not valid before .*set the clock/,
      );
      expect(sick(await findings('certificates', { tls: { ...tls, key: two.key } }))).toMatch(
        /failure tls.key: .* is not the key of tls.cert/,
      );
      expect(sick(await findings('certificates', { tls: { cert: '/no/such.pem', key: one.key } }))).toMatch(
        /failure tls.cert: .*ENOENT/,
      );
    });

    it('names a broker that asks for a certificate which this device does not have', async () => {
      const ca = await readFile(authority.ca);
      const port = await listenTls(authority.issue('server'), { requestCert: true, ca });
      const flags = { broker: `mqtts://127.0.0.1:${port}`, tls: { ca: authority.ca } };
      expect(sick(await findings('broker', flags))).toMatch(
        /failure broker: it does not take this device's certificate, or misses it.* -> .*tls: cert and key/s,
      );
    });

    it('names a broker whose certificate has expired, is for another name, or is trusted by nobody here', async () => {
      const server = authority.issue('server');
      const own = { ca: authority.ca };
      const port = await listenTls(server);
      expect(sick(await findings('broker', { broker: `mqtts://127.0.0.1:${port}` }))).toMatch(
        /failure broker: .*nobody here trusts/,
      );
      expect(sick(await findings('broker', { broker: `mqtts://127.0.0.2:${port}`, tls: own }))).toMatch(
        /failure broker: .*for another name/,
      );
      const old = await listenTls(expired(authority));
      expect(sick(await findings('broker', { broker: `mqtts://127.0.0.1:${old}`, tls: own }))).toMatch(
        /failure broker: .*certificate has expired/,
      );
      expect(
        sick(await findings('broker', { broker: `mqtts://127.0.0.1:${new URL(broker.url).port}`, tls: own })),
      ).toMatch(/failure broker: .*/);
    });
  });

  it('says by its exit code how bad it is', async () => {
    const run = async (...argv: string[]) => {
      let out = '';
      const write = (text: string) => {
        out += text;
      };
      const code = await runProgram({
        argv: ['doctor', ...argv],
        writeOut: write,
        writeError: write,
        stopRequested: () => new Promise(() => {}),
      });
      return { code, out };
    };
    const common = [
      '--model',
      `net=${join(folder, 'net.onnx')}`,
      '--listen',
      '127.0.0.1:0',
      '--state',
      join(folder, 'state-code'),
    ];
    // Without a gateway the device answers by itself: a warning.
    expect(await run('--broker', broker.url, ...common, '--only', 'disk', 'gateway')).toMatchObject({
      code: 3,
      out: expect.stringMatching(/WARNING gateway net: start cutpoint-gateway/),
    });
    expect((await run('--broker', 'mqtt://127.0.0.1:1', ...common, '--only', 'broker')).code).toBe(1);
    expect((await run('--broker', 'nonsense')).code).toBe(2);
    const { out } = await run('--broker', broker.url, ...common, '--json', '--only', 'disk');
    expect(JSON.parse(out)).toEqual(
      expect.arrayContaining([expect.objectContaining({ check: 'disk', level: 'ok' })]),
    );
  });
});

/** A broker that lets everybody in, with one line more, and an access list where that names one. */
function plainMosquitto(line: string, accessList = '') {
  return async ({ port, directory }: { readonly port: number; readonly directory: string }) => [
    {
      name: 'mosquitto.conf',
      text: [
        `listener ${port} 127.0.0.1`,
        'allow_anonymous true',
        line.replace(' acl', ` ${directory}/acl`),
        '',
      ].join('\n'),
    },
    { name: 'acl', text: `${accessList}\n` },
  ];
}

async function devicesFile(device: object): Promise<string> {
  const path = join(folder, 'devices.yaml');
  await writeFile(path, JSON.stringify({ devices: [device] }));
  return path;
}

async function otherModel(): Promise<string> {
  const path = join(folder, 'other.onnx');
  await writeFile(path, smallConvNet({ seed: 5 }));
  return path;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function listenTls(
  { cert, key }: { readonly cert: string; readonly key: string },
  more: TlsOptions = {},
): Promise<number> {
  const server = createTlsServer({ cert: await readFile(cert), key: await readFile(key), ...more });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  // 127.0.0.2 is this machine too, but the server must listen there.
  const second = createTlsServer({ cert: await readFile(cert), key: await readFile(key) });
  second.on('tlsClientError', () => {});
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => second.listen(port, '127.0.0.2', resolve));
  ends.push(() => second.close());
  return port;
}

/** Whose last day is long over. */
function expired({ directory, ca }: Certificates): { readonly cert: string; readonly key: string } {
  const at = (name: string) => join(directory, name);
  const [key, request, cert] = [at('old.key'), at('old.csr'), at('old.crt')];
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: dirname(ca) });
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=old',
    '-keyout',
    key,
    '-out',
    request,
  );
  execFileSync('touch', [at('index.txt')]);
  execFileSync('mkdir', ['-p', at('new')]);
  const configuration = [
    '[ca]',
    'default_ca=own',
    '[own]',
    `new_certs_dir=${at('new')}`,
    `database=${at('index.txt')}`,
    `certificate=${ca}`,
    `private_key=${at('ca.key')}`,
    `serial=${at('own.srl')}`,
    'rand_serial=yes',
    'default_md=sha256',
    'policy=any',
    '[any]',
    'commonName=supplied',
    '',
  ].join('\n');
  execFileSync('tee', [at('own.cnf')], { input: configuration, stdio: ['pipe', 'ignore', 'inherit'] });
  openssl(
    'ca',
    '-batch',
    '-config',
    at('own.cnf'),
    '-extfile',
    at('names.cnf'),
    '-startdate',
    '200101000000Z',
    '-enddate',
    '200201000000Z',
    '-in',
    request,
    '-out',
    cert,
  );
  return { cert, key };
}
