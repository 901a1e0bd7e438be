import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { serviceManager } from './notify.ts';

/** A receiver of datagrams, which Node cannot be: prints each as it comes. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode().replace("\\n", ";"), flush=True)
`;

const has = (program: string) => spawnSync(program, ['--version']).status === 0;

describe.skipIf(!has('systemd-notify') || !has('python3'))('under systemd', () => {
  it('says when it is ready, pings while it lives and no longer, and says that it stops', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-notify-'));
    const path = join(folder, 'notify');
    const receiver = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    let heard: () => void = () => {};
    createInterface(receiver.stdout).on('line', (line) => {
      lines.push(line);
      heard();
    });
    const until = (isSo: () => boolean) =>
      new Promise<void>((resolve) => {
        heard = () => isSo() && resolve();
        heard();
      });
    await until(() => lines.includes('bound'));

    const env = {
      ...process.env,
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: '200000',
      WATCHDOG_PID: String(process.pid),
    };
    const manager = serviceManager(env, process.pid);
    await manager.ready('answers on http://127.0.0.1:8080');
    await until(() => lines.some((line) => line.includes('READY=1') && line.includes('STATUS=answers on')));
    let isAlive = true;
    const stop = manager.watch(async () => isAlive);
    await until(() => lines.filter((line) => line.includes('WATCHDOG=1')).length >= 2);
    isAlive = false;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const pings = lines.filter((line) => line.includes('WATCHDOG=1')).length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(lines.filter((line) => line.includes('WATCHDOG=1'))).toHaveLength(pings);
    stop();
    await manager.stopping();
    await until(() => lines.some((line) => line.includes('STOPPING=1')));
    receiver.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });
});

it('says nothing elsewhere', async () => {
  const manager = serviceManager({}, 1);
  expect(manager.isThere).toBe(false);
  await manager.ready('x');
  manager.watch(async () => true)();
});
