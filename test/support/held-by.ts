/** What another process of Node holds after a collection: memory that is merely not given back yet says nothing of leaks. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SpawnOptions } from './gateway-process.ts';

const LIMIT_MS = 30_000;

export interface HeldWatch {
  /** To start the program with. */
  readonly spawn: SpawnOptions;
  /** Bytes of heap and array buffers. The process must have been started with `spawn`. */
  heldBy(pid: number): Promise<number>;
  close(): void;
}

export function watchHeld(): HeldWatch {
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-held-'));
  return {
    spawn: {
      nodeOptions: ['--import', join(import.meta.dirname, 'held-on-signal.ts')],
      env: { ...process.env, CUTPOINT_HELD_FOLDER: folder },
    },
    async heldBy(pid) {
      const path = join(folder, String(pid));
      rmSync(path, { force: true });
      process.kill(pid, 'SIGUSR2');
      for (const endMs = performance.now() + LIMIT_MS; !existsSync(path); await sleep(20))
        if (performance.now() > endMs) throw new Error(`process ${pid} did not say what it holds`);
      return Number(readFileSync(path, 'utf8'));
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
