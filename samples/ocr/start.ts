/**
 * `npm start`: reads a photograph with two split models over a link that gets faster, and shows the cut moving.
 * Gateway and edge are processes of their own; between them lie a broker and an emulated link.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createLink } from '@cutpoint/sdk/testing';
import type { Step } from './measure.ts';
import { printJson, printReports } from './print.ts';
import { type EdgeProcess, makeModelFolder, startEdge, startGateway } from './processes.ts';
import { createProgress, type Progress } from './progress.ts';
import { makeReports } from './report.ts';

const PHOTO = fileURLToPath(new URL('./assets/street-sign.jpg', import.meta.url));
const BANDWIDTHS = [1e6, 5e6, 20e6, 100e6];
const ONE_WAY_MS = 10;
// The photograph's size, and five lines of text: what the gateway times its tails at.
const SHAPES = { detector: [1, 3, 480, 640], recogniser: [5, 3, 48, 320] };

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    'edge-slowdown': { type: 'string', default: '8' },
    help: { type: 'boolean', default: false },
  },
});

const USAGE = `usage: npm start -- [--edge-slowdown N] [--json] [--keep]

  --edge-slowdown N  the edge idles after each stage until it is N times slower than it ran (default 8; 1: as it is)
  --json             the same as JSON on standard output
  --keep             leave the gateway up at the end, until Ctrl-C

example: npm start -- --edge-slowdown 4 --json`;

if (flags.help) console.log(USAGE);
else process.exitCode = await main();

async function main(): Promise<number> {
  const slowdown = Number(flags['edge-slowdown']);
  if (!(slowdown >= 1 && slowdown <= 1000)) {
    console.error(
      `error[options-invalid]: --edge-slowdown is '${flags['edge-slowdown']}'; expected a number from 1 to 1000`,
    );
    return 2;
  }
  const progress = createProgress();
  const folder = await makeModelFolder(SHAPES);
  progress.show('gateway: loading two models and timing their tails');
  const gateway = await startGateway(folder.path);
  const half = { bitsPerSecond: BANDWIDTHS.at(-1) as number, delayMs: ONE_WAY_MS };
  const link = await createLink({
    targetPort: Number(new URL(gateway.broker).port),
    uplink: half,
    downlink: half,
  });
  const edge = startEdge([
    '--broker',
    `mqtt://127.0.0.1:${link.port}`,
    '--photo',
    PHOTO,
    '--slowdown',
    String(slowdown),
  ]);
  try {
    progress.show('edge: reading the picture with the uncut models, then measuring itself');
    const { uncutText, cuts } = await readyOf(edge);
    const steps: Step[] = [];
    for (const bitsPerSecond of BANDWIDTHS) {
      link.set({ uplink: { bitsPerSecond }, downlink: { bitsPerSecond } });
      steps.push(await measure(edge, bitsPerSecond, progress));
    }
    progress.done();
    const result = {
      slowdown,
      roundTripMs: 2 * ONE_WAY_MS,
      uncutText,
      cuts,
      reports: makeReports(steps, uncutText),
      steps,
    };
    if (flags.json) printJson(result);
    else printReports(result);
    if (flags.keep) await keepUntilInterrupted(gateway.broker);
    return result.reports.every(({ rows }) => rows.every(({ textEqualsUncut }) => textEqualsUncut)) ? 0 : 1;
  } finally {
    progress.done();
    await edge.stop();
    await link.close();
    await gateway.stop();
    await folder.remove();
  }
}

async function readyOf(edge: EdgeProcess) {
  const message = await edge.next();
  if ('ready' in message) return message.ready;
  throw new Error('the edge measured before it was ready');
}

async function measure(edge: EdgeProcess, bitsPerSecond: number, progress: Progress): Promise<Step> {
  progress.show(`link at ${bitsPerSecond / 1e6} Mbit/s: trying arms, then choosing`);
  edge.send({ measure: { bitsPerSecond } });
  const message = await edge.next();
  if ('step' in message) return message.step;
  throw new Error('the edge answered something else than a step');
}

function keepUntilInterrupted(broker: string): Promise<void> {
  console.error(
    `The gateway stays up at ${broker} (models ocr-detector and ocr-recogniser). Ctrl-C ends it.`,
  );
  return new Promise((resolve) => process.once('SIGINT', () => resolve()));
}
