/** The process of ort-child.ts as whoever started it has it: messages over a socket, large buffers by way of the shared file. */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createMessageReader, writeMessage } from './frame-stream.ts';
import type { OrtNodeOptions } from './ort-node.ts';
import type { ChildReply } from './process-messages.ts';
import type { WaitingCall } from './sent-calls.ts';
import type { Placement, SharedFile } from './shared-file.ts';

export interface StartedChild {
  readonly pid: number | undefined;
  /** @returns what of its buffers lies in the shared file until the answer comes */
  send(call: Pick<WaitingCall, 'id' | 'call' | 'buffers'>): Placement | undefined;
  kill(): void;
  /** No more calls come. Resolves when it has ended. */
  finish(): Promise<void>;
}

export interface StartedChildOptions {
  readonly ort: OrtNodeOptions;
  /** Given to one process at a time: what lay there is free. */
  readonly shared: SharedFile | undefined;
  onReply(reply: ChildReply, buffers: readonly Uint8Array[]): void;
  /** @param how a signal or an exit code */
  onEnd(how: string): void;
}

export function startChild({ ort, shared, onReply, onEnd }: StartedChildOptions): StartedChild {
  const isSource = import.meta.url.endsWith('.ts');
  const program = new URL(isSource ? './ort-child.ts' : './ort-child.js', import.meta.url);
  const about = [JSON.stringify(ort), ...(shared ? ['shared'] : [])];
  const child = spawn(process.execPath, [...process.execArgv, program.pathname, ...about], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', shared?.fd ?? 'ignore'],
  });
  shared?.freeAll();
  const socket = child.stdio[3] as Socket;
  socket.on(
    'data',
    createMessageReader(({ header, buffers }) => onReply(header as ChildReply, buffers)),
  );
  // What it had to say has been said by the exit.
  socket.on('error', () => {});
  child.on('error', () => {});
  child.once('close', (code, signal) => onEnd(signal ?? `exit code ${code}`));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    pid: child.pid,
    send({ id, call, buffers }) {
      // Runs are over soon; a model would keep the file as large as it is.
      const placed = call.kind === 'run' ? shared?.place(buffers) : undefined;
      const isPlaced = new Set(placed?.buffers.map(([index]) => index));
      const others = buffers.map((pieces, index) => (isPlaced.has(index) ? [] : pieces));
      writeMessage(socket, { header: { id, call, placed }, buffers: others });
      return placed;
    },
    kill: () => void child.kill('SIGKILL'),
    finish() {
      socket.end();
      return ended;
    },
  };
}
