/** The far end in a process of its own, as in life: a gateway that answers 260 bytes, and what it is compared with. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface Peer {
  /** Where devices connect to. */
  readonly brokerPort: number;
  /** Raw TCP: each message is a length of four bytes and as many bytes; each is answered with 260. */
  readonly tcpPort: number;
  close(): Promise<void>;
}

/** @param brokerUrl beside which broker the gateway runs; without one it has its own inside. */
export async function startPeer(brokerUrl?: string): Promise<Peer> {
  const program = resolve(import.meta.dirname, 'peer-main.ts');
  const child = spawn(process.execPath, [program, ...(brokerUrl ? [brokerUrl] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolveEnd) => child.once('close', () => resolveEnd()));
  const line = await new Promise<string>((resolveLine, reject) => {
    createInterface(child.stdout).once('line', resolveLine);
    child.once('close', (code) => reject(new Error(`the far end ended with ${code}`)));
  });
  const ports = JSON.parse(line) as { brokerPort: number; tcpPort: number };
  const close = () => {
    // It ends when its input does, also where this process is killed.
    child.stdin.end();
    return ended;
  };
  return { ...ports, close };
}
