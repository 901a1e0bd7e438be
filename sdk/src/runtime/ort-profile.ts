/** ONNX Runtime's own profile of a model, which it writes to a file: in Node only. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProfileCall } from './ort-messages.ts';
import { type SessionsHost, toOrt } from './ort-sessions.ts';
import { createSessionRun } from './shared-feeds.ts';
import { MEMORY_FOLDER } from './shared-file.ts';

const PROFILED_RUNS = 3;

export async function profileInNode(
  { ort, sessionOptions }: Pick<SessionsHost, 'ort' | 'sessionOptions'>,
  call: ProfileCall,
): Promise<Readonly<Record<string, number>>> {
  const folder = await makeFolder();
  try {
    const profiled = { enableProfiling: true, profileFilePrefix: join(folder, 'run') };
    const options = { ...sessionOptions(call), ...profiled };
    const session = await ort.InferenceSession.create(call.bytes, options);
    const feeds = Object.fromEntries(call.feeds.map(([name, tensor]) => [name, toOrt(ort, tensor)]));
    const runSession = createSessionRun(ort);
    for (let run = 0; run < PROFILED_RUNS; run++) await runSession(session, feeds, session.outputNames);
    session.endProfiling();
    await session.release();
    return await readProfile(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In memory where there is no temporary folder to write to, as in a container over a read-only root. */
async function makeFolder(): Promise<string> {
  const make = (parent: string) => mkdtemp(join(parent, 'cutpoint-profile-'));
  try {
    return await make(tmpdir());
  } catch (error) {
    return await make(MEMORY_FOLDER).catch(() => Promise.reject(error));
  }
}

interface ProfileEvent {
  readonly cat?: string;
  readonly dur?: number;
  readonly args?: { readonly provider?: string };
}

/** Milliseconds in kernels by provider, under the names that sessions are asked by. */
async function readProfile(folder: string): Promise<Readonly<Record<string, number>>> {
  const totals: Record<string, number> = {};
  for (const file of await readdir(folder)) {
    const events = JSON.parse(await readFile(join(folder, file), 'utf8')) as ProfileEvent[];
    for (const { cat, dur = 0, args } of events) {
      if (cat !== 'Node' || !args?.provider) continue;
      const provider = args.provider.replace(/ExecutionProvider$/, '').toLowerCase();
      totals[provider] = (totals[provider] ?? 0) + dur / 1000;
    }
  }
  return totals;
}
