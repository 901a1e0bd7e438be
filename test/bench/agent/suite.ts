/**
 * The agent as it is installed, with one model and no broker to be had: how long until it answers, and what it holds beside
 * onnxruntime-node on the same model. Wants what `npm run build` makes.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { residentBytes } from '../../support/footprint.ts';
import { ocrModels } from '../../support/models/ocr-models.ts';
import type { Suite } from '../main.ts';
import { median } from '../statistics.ts';
import { ask } from './question.ts';

const AGENT = resolve(import.meta.dirname, '../../../edge-agent/dist/main.js');
const PLAIN = resolve(import.meta.dirname, 'plain.ts');
const STARTS = 5;
const MANY_RUNS = 20;

export const agentSuite: Suite = {
  async run(progress) {
    if (!existsSync(AGENT)) throw new Error(`${AGENT} is not there: npm run build makes it`);
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-agent-'));
    try {
      const model = ocrModels().det.path;
      const lines = [
        'broker: mqtt://127.0.0.1:1',
        'device: bench',
        `models: {det: ${JSON.stringify(model)}}`,
        'listen: 127.0.0.1:0',
        'logLevel: info',
      ];
      const [config, arenas] = [join(folder, 'edge.yaml'), join(folder, 'arenas.yaml')];
      await writeFile(config, [...lines, 'runtime: {threads: 2}'].join('\n'));
      await writeFile(arenas, [...lines, 'runtime: {threads: 2, memoryArena: true}'].join('\n'));
      const starts: Start[] = [];
      const arenaStarts: Start[] = [];
      for (let start = 0; start < STARTS; start++) {
        starts.push(await startOnce(config));
        arenaStarts.push(await startOnce(arenas));
        progress(JSON.stringify([starts.at(-1), arenaStarts.at(-1)]));
      }
      const of = (key: keyof Start) => median(starts.map((start) => start[key]));
      const ofArenas = (key: keyof Start) => median(arenaStarts.map((start) => start[key]));
      const [plainFirst, plainMany] = [await plainMB(model, 1), await plainMB(model, MANY_RUNS)];
      return {
        startToAnswerMs: of('answerMs'),
        agentRssMB: of('firstMB'),
        agentRssLaterMB: of('laterMB'),
        plainRssMB: plainFirst,
        plainRssLaterMB: plainMany,
        rssBeyondPlainMB: of('firstMB') - plainFirst,
        rssBeyondPlainLaterMB: of('laterMB') - plainMany,
        requestMs: of('requestMs'),
        arenasStartToAnswerMs: ofArenas('answerMs'),
        arenasRssBeyondPlainMB: ofArenas('firstMB') - plainFirst,
        arenasRssBeyondPlainLaterMB: ofArenas('laterMB') - plainMany,
        arenasRequestMs: ofArenas('requestMs'),
      };
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

interface Start {
  /** From the start of the process to the first answer. */
  readonly answerMs: number;
  /** What the process holds after that, in 10^6 bytes, and after many answers. */
  readonly firstMB: number;
  readonly laterMB: number;
  /** Of the later answers, the median. */
  readonly requestMs: number;
}

async function startOnce(config: string): Promise<Start> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [AGENT, 'run', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await urlOf(child);
    while (!(await ask(url))) await sleep(10);
    const answerMs = performance.now() - startMs;
    const firstMB = heldMB(child);
    const times: number[] = [];
    for (let run = 1; run < MANY_RUNS; run++) {
      const askedMs = performance.now();
      await ask(url);
      times.push(performance.now() - askedMs);
    }
    return { answerMs, firstMB, laterMB: heldMB(child), requestMs: median(times) };
  } finally {
    const ended = new Promise((done) => child.once('close', done));
    child.kill('SIGTERM');
    await ended;
  }
}

/** From the line of the log that says where it listens. */
function urlOf({ stdout }: ChildProcess): Promise<string> {
  return new Promise((found, fail) => {
    if (stdout === null) throw new Error('no log');
    const lines = createInterface(stdout);
    lines.on('line', (line) => {
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (url !== undefined) found(url);
    });
    lines.once('close', () => fail(new Error('the agent ended before it answered')));
  });
}

const heldMB = ({ pid = 0 }: ChildProcess) => residentBytes(pid) / 1e6;

async function plainMB(model: string, runs: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [PLAIN, model, String(runs)]);
  return Number(stdout) / 1e6;
}
