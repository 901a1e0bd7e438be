/**
 * The device of the real run, as a program: `node edge-main.ts SETTINGS`, JSON of EdgeSettings. Says `ready` when its session
 * stands, begins at the first line of its input, makes a request every so often, and prints each one's trace as a line.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createSplitSession } from '@cutpoint/sdk/node';
import type { EdgeSettings } from './edge-process.ts';

const settings = JSON.parse(process.argv[2] ?? '') as EdgeSettings;
const { files, broker, model, everyMs, durationMs } = settings;
const bytes = await readFile(files.input);
const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const feeds = { [files.inputName]: { type: 'float32' as const, data, dims: files.dims } };
const picture = { file: await readFile(files.picture), mean: files.mean, std: files.std };
const session = await createSplitSession(files.model, {
  ...{ broker, model, plan: files.plan, threads: 1, deadlineMs: 60_000 },
  inputShapes: { [files.inputName]: files.dims },
  emulatedSlowdown: files.slowdown,
});
// The first runs of any process pay for code that has never run; the link learns nothing from the device's own.
for (let i = 0; i < 3; i++) await session.run(feeds, { arm: 'device' });
console.log('ready');
await new Promise((resolve) => createInterface(process.stdin).once('line', resolve));
const beganMs = performance.now();
for (let turn = 0; turn * everyMs <= durationMs; ) {
  const startMs = performance.now() - beganMs;
  await session.run(feeds, { images: { [files.inputName]: picture } });
  const answerMs = performance.now() - beganMs;
  console.log(JSON.stringify({ ...session.lastTrace, startMs, waitedMs: answerMs - startMs }));
  // A request that takes longer than the pause takes the next ones' turns, as in the simulator.
  turn = Math.max(turn + 1, Math.ceil(answerMs / everyMs));
  const pauseMs = turn * everyMs - (performance.now() - beganMs);
  if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
}
await session.release();
process.exit(0);
