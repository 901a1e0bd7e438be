/** A gateway program behind logins and topic rights, one honest device whose payloads are sealed, and room for a rogue. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSplitSession } from '@cutpoint/sdk/node';
import { runProgram } from '../../sdk/src/cli/program.ts';
import { makeModelFolder, startGatewayProcess } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { startMosquitto } from '../support/mosquitto.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface FencedWorld {
  /** Without a login. */
  readonly url: string;
  readonly logins: Readonly<Record<'gw' | 'honest' | 'rogue', Login>>;
  /** The rogue's own key, by which its requests are as good as anyone's. */
  readonly rogueKey: { readonly keyId: string; readonly key: string };
  /** One request of the honest device, split; whether the answer is the whole model's. */
  isAnswered(): Promise<boolean>;
  close(): Promise<void>;
}

/** `none`: a broker that lets everybody do everything, to show what the others keep off. */
export type Fence = 'mosquitto' | 'embedded' | 'none';

const x = randomTensor(randomNumbers(4), [4, 3, 32, 32]);
const newSecret = () => randomBytes(24).toString('base64url');
const newKey = () => ({ id: 'k1', key: randomBytes(32).toString('base64url') });

export async function openFencedWorld(fence: Fence): Promise<FencedWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'cutpoint-fenced-'));
  const path = join(directory, 'devices.yaml');
  const keys = { honest: newKey(), rogue: newKey() };
  const login = (username: string) => ({ username, password: newSecret() });
  const logins = { gw: login('gw'), honest: login('honest'), rogue: login('rogue') };
  const entry = ({ username: id, password }: Login) => ({ id, password });
  const devices = (['honest', 'rogue'] as const).map((id) => ({ ...entry(logins[id]), keys: [keys[id]] }));
  // JSON is YAML.
  await writeFile(path, JSON.stringify({ gateways: [entry(logins.gw)], devices }));
  const folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: x.dims } } });
  const isOpen = fence === 'none';
  const broker = isOpen
    ? await startMosquitto()
    : fence === 'mosquitto'
      ? await startFencedMosquitto(path)
      : undefined;
  const gateway = await startGatewayProcess([
    ...['--models', folder.path, '--id', 'gw', '--threads', '1', ...(isOpen ? [] : ['--devices', path])],
    ...(broker ? ['--broker', withLogin(broker.url, logins.gw)] : ['--listen', '127.0.0.1:0']),
  ]);
  const url = broker?.url ?? gateway.broker;
  const session = await createSplitSession(folder.model('net'), {
    ...{ broker: url, model: 'net', device: 'honest', ...logins.honest },
    ...{ profiles: ['float32'], replyProfile: 'float32', fallback: 'none', deadlineMs: 5_000 },
    ...(!isOpen && { encryption: { keyId: 'k1', key: keys.honest.key } }),
    inputShapes: { input: x.dims },
    threads: 1,
  });
  const expected = await outputOf(session.run({ input: x }, { arm: 'device' }));
  await session.run({ input: x });
  const arm = session.arms.find(({ kind }) => kind === 'split')?.id ?? 'remote';
  return {
    ...{ url, logins },
    rogueKey: { keyId: 'k1', key: keys.rogue.key },
    isAnswered: async () => {
      const answer = await outputOf(session.run({ input: x }, { arm }));
      return answer.every((value, at) => Math.abs(value - (expected[at] ?? Number.NaN)) < 1e-4);
    },
    close: async () => {
      await session.release();
      await gateway.kill('SIGKILL');
      await broker?.close();
      await folder.remove();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** As `cutpoint broker-config mosquitto` makes it. */
export async function startFencedMosquitto(devices: string, more: readonly string[] = []) {
  return await startMosquitto({
    files: async ({ port, directory }) => {
      const argv = ['broker-config', 'mosquitto', '--devices', devices, '--out', directory];
      const listen = ['--listen', `127.0.0.1:${port}`];
      let errors = '';
      const code = await runProgram({
        argv: [...argv, ...listen, ...more],
        writeOut: () => {},
        writeError: (text) => {
          errors += text;
        },
        hasColours: false,
        showsProgress: false,
        now: () => new Date(),
      });
      if (code !== 0) throw new Error(errors);
      const names = ['mosquitto.conf', 'dynamic-security.json'];
      return await Promise.all(
        names.map(async (name) => ({ name, text: await readFile(join(directory, name), 'utf8') })),
      );
    },
  });
}

function withLogin(url: string, { username, password }: Login): string {
  return url.replace('://', `://${username}:${password}@`);
}

async function outputOf(run: Promise<unknown>): Promise<Float32Array> {
  const { output } = (await run) as { output: { data: Float32Array } };
  return output.data;
}
