/** Programs of brokers in a folder of their own: started, waited for, killed, and cleaned away. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Place {
  readonly directory: string;
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
}

export async function makePlace(name: string): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), `cutpoint-${name}-`));
  return {
    directory,
    write: async (file, text) => {
      await writeFile(join(directory, file), text);
      return join(directory, file);
    },
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }),
  };
}

export interface Running {
  kill(): Promise<void>;
}

export interface ProgramOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Ports that must take connections before it counts as started. */
  readonly ports: readonly number[];
}

const START_MS = 120_000;

/** In a process group of its own, because some brokers are a shell script around the one that works. */
export async function startProgram(options: ProgramOptions): Promise<Running> {
  const { command, args = [], env, cwd, ports } = options;
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) killGroup(child);
    await ended;
  };
  const endMs = performance.now() + START_MS;
  for (const port of ports)
    while (!(await accepts(port))) {
      if (child.exitCode !== null || performance.now() > endMs) {
        await kill();
        throw new Error(`${command} did not open port ${port}`);
      }
      await sleep(100);
    }
  return { kill };
}

function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-(pid ?? 0), 'SIGKILL');
  } catch {
    // It ended by itself.
  }
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

export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' && address ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** First line that the program prints about itself, or `undefined` where it is missing. */
export function versionOf(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split(
      '\n',
    )[0];
  } catch (error) {
    // Mosquitto prints its version with its help, and exits with 3.
    const { stdout } = error as { stdout?: string };
    return stdout?.split('\n')[0] || undefined;
  }
}

/** Of a Debian package. */
export function packageVersion(name: string): string | undefined {
  return versionOf('dpkg-query', ['-W', `-f=$\{Version}`, name])?.replace(/[-+].*$/, '');
}
