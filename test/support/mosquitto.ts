/** A real Mosquitto on a free port of the loopback, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface MosquittoOptions {
  /** Largest packet in bytes; MQTT 5 clients are told. */
  readonly maxPacketBytes?: number;
  /** Files instead of one that lets everybody in; the first is the broker's own. */
  readonly files?: (place: {
    readonly port: number;
    readonly directory: string;
  }) => Promise<readonly { readonly name: string; readonly text: string }[]>;
}

export interface Mosquitto {
  readonly url: string;
  readonly port: number;
  /** Kills it without a goodbye to anyone, and starts it again at the same port. */
  restart(): Promise<void>;
  kill(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Why Mosquitto cannot be run here, or undefined when it can.
 * @throws Error when it is missing and the environment's CUTPOINT_REQUIRE names `mosquitto`
 */
export function mosquittoMissing(): string | undefined {
  if (findMosquitto()) return undefined;
  const reason = 'no mosquitto program on the PATH';
  if ((process.env.CUTPOINT_REQUIRE ?? '').split(',').includes('mosquitto')) throw new Error(reason);
  return reason;
}

export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const program = findMosquitto();
  if (!program) throw new Error('no mosquitto program on the PATH');
  const directory = await mkdtemp(join(tmpdir(), 'cutpoint-mosquitto-'));
  const port = await freePort();
  const files = (await options.files?.({ port, directory })) ?? [
    { name: 'mosquitto.conf', text: configuration(port, options) },
  ];
  for (const { name, text } of files) await writeFile(join(directory, name), text);
  const file = join(directory, files[0]?.name ?? '');
  // Started by root it becomes another user, who may not read the folder.
  await appendFile(file, `\nlog_type none\n${process.getuid?.() === 0 ? 'user root\n' : ''}`);
  let child = await launch(program, file, port);
  const kill = () => end(child);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    kill,
    restart: async () => {
      await kill();
      child = await launch(program, file, port);
    },
    close: async () => {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function configuration(port: number, { maxPacketBytes }: MosquittoOptions): string {
  return [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'persistence false',
    ...(maxPacketBytes ? [`max_packet_size ${maxPacketBytes}`] : []),
    '',
  ].join('\n');
}

/** Debian puts it into /usr/sbin, which is not on everyone's PATH. */
function findMosquitto(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, 'mosquitto')).find((path) => existsSync(path));
}

async function launch(program: string, file: string, port: number): Promise<ChildProcess> {
  const child = spawn(program, ['-c', file], { stdio: 'ignore' });
  for (let tries = 0; tries < 400 && child.exitCode === null; tries++) {
    if (await accepts(port)) return child;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGKILL');
  throw new Error(`mosquitto did not open port ${port}`);
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Free when it was asked for. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
