/** The edge as a process of its own; see edge-main.ts. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Trace } from '../../../../sdk/src/session/trace.ts';
import type { EdgeFiles } from './bed.ts';

export interface EdgeSettings {
  readonly files: EdgeFiles;
  readonly broker: string;
  readonly model: string;
  readonly everyMs: number;
  readonly durationMs: number;
}

export interface EdgeRequest extends Trace {
  /** Since the first one. */
  readonly startMs: number;
  /** From its start to its answer, as the application sees it. */
  readonly waitedMs: number;
}

/** @param begin called when the edge is ready and begins in the same moment */
export async function playOnEdge(settings: EdgeSettings, begin: () => void): Promise<readonly EdgeRequest[]> {
  const program = fileURLToPath(new URL('edge-main.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--conditions=@cutpoint/source', program, JSON.stringify(settings)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const requests: EdgeRequest[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (line === 'ready') {
      begin();
      child.stdin.write('begin\n');
    } else requests.push(JSON.parse(line) as EdgeRequest);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`the edge ended with ${code}`);
  return requests;
}
