import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePlan, planText } from '../planner/plan.ts';
import { readProfile } from '../planner/profile.ts';
import { armsFromProfiles } from '../planner/profile-arms.ts';

const CUT = 'a'.repeat(16);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-simulate-'));
  await writeFile(join(folder, 'plan.json'), plan());
  const lines = Array.from({ length: 30 }, (_, i) => `${i} ${i % 10 < 5 ? 8 : 0.5}`);
  await writeFile(join(folder, 'bus.txt'), lines.join('\n'));
  await writeFile(join(folder, 'bad.txt'), '0 1\n0 2\n');
});
afterAll(() => rm(folder, { recursive: true }));

function plan(): string {
  const [edge, cloud] = [profile('a small board', 300), profile('a server', 30)];
  const arms = armsFromProfiles({
    ...{ edge, cloud, reply: { receivedBytes: 1000, decodeMs: 0 } },
    transfers: [
      { cutId: null, profile: 'image', sentBytes: 100_000, encodeMs: 0 },
      { cutId: CUT, profile: 'uint8+deflate', sentBytes: 10_000, encodeMs: 5 },
    ],
  });
  const link = { roundTripMs: 20, downlinkBitsPerSecond: 8e6, queueMs: 0 };
  return planText(makePlan({ edge, cloud, arms, link, wish: { objective: 'latency', constraints: {} } }));
}

function profile(device: string, wholeMs: number) {
  const timing = (medianMs: number) => ({ medianMs, spreadMs: 1, runs: 15, isGuess: false });
  return readProfile({
    ...{ format: 'cutpoint-profile', version: 1, modelDigest: 'd'.repeat(64), device, provider: 'cpu' },
    ...{
      runtime: 'onnxruntime-node 1.30.0',
      threads: 2,
      executor: 'valve',
      measuredAt: '2026-11-22T12:00:00Z',
      pauseMs: 0,
    },
    ...{ slowdown: 1, inputShapes: { x: [1, 3, 224, 224] }, inputs: 1, inputSource: 'files' },
    ...{ peakMemoryBytes: null, transfers: [], whole: timing(wholeMs) },
    reply: { profile: 'float32+deflate', bytes: 1000, encodeMs: 0, decodeMs: 0 },
    cuts: [{ id: CUT, name: 'mixed4', depth: 0.5, head: timing(wholeMs / 2), tail: timing(wholeMs / 2) }],
  });
}

const MAIN = ['--conditions=@cutpoint/source', join(import.meta.dirname, 'main.ts')];

/** As a user would start it. */
function cutpoint(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...MAIN, ...args],
      { cwd: folder, maxBuffer: 1 << 26 },
      (error, out, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, error: stderr });
      },
    );
  });
}

const simulateBus = (...more: string[]) =>
  cutpoint('simulate', '--plan', 'plan.json', '--trace', 'bus.txt', ...more);

describe('cutpoint simulate', () => {
  it('answers in its first line, shows all rivals and the reasons, and fits 80 columns', async () => {
    const { code, out, error } = await simulateBus();
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toMatch(/^The controller takes \d+ ms a request, [\d.]+ % over one that knows/);
    for (const name of [
      'oracle',
      'controller',
      'bandwidth table',
      'muLinUCB',
      'device only',
      'the input as image',
    ])
      expect(out).toContain(name);
    expect(out).toMatch(/Why the arm changed:\n[\d.]+ s: \S+ -> /);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('gives figures and every request of the controller as JSON, the same every time', async () => {
    const [first, second] = await Promise.all([simulateBus('--json'), simulateBus('--json')]);
    expect(first.out).toBe(second.out);
    const { policies, requests, durationMs } = JSON.parse(first.out);
    expect(durationMs).toBeCloseTo(30_000, 6);
    const [oracle, controller] = policies;
    expect([oracle.name, controller.name]).toEqual(['oracle', 'controller']);
    expect(controller.meanMs).toBeGreaterThanOrEqual(oracle.meanMs);
    expect(requests).toHaveLength(controller.requests);
    const moved = requests.filter((request: { cause?: string }) => request.cause);
    expect(moved[0].reason).toMatch(/\d+ ms/);
  });

  it('writes a page that stands alone', async () => {
    expect((await simulateBus('--html', 'bus.html', '--devices', '3')).code).toBe(0);
    const page = await readFile(join(folder, 'bus.html'), 'utf8');
    expect(page).toMatch(/<svg[^>]*role="img" aria-label="The controller takes/);
    expect(page).toContain('3 devices');
    expect(page).not.toMatch(/<script|src=|href="http|NaN|Infinity|undefined/);
  });

  it.each([
    [['--trace', 'bad.txt'], 'error[options-invalid]: trace, line 2: 0 s is not after the line before, 0 s'],
    [['--trace', 'none.txt'], 'error[options-invalid]: cannot read none.txt'],
    [
      ['--trace', 'bus.txt', '--devices', '1.5'],
      'error[options-invalid]: --devices 1.5 is not a whole number',
    ],
  ])('refuses %j', async (args, message) => {
    const { code, error } = await cutpoint('simulate', '--plan', 'plan.json', ...args);
    expect(code).toBe(2);
    expect(error).toContain(message);
  });
});

describe('cutpoint watch', () => {
  const trace = {
    ...{ arm: `${CUT}/uint8`, cut: 'mixed4', headMs: 50, encodeMs: 5, uplinkMs: 40, queueMs: 1 },
    ...{ tailMs: 20, downlinkMs: 10, decodeMs: 1, sentBytes: 20_000, totalMs: 127 },
  };
  const change = {
    from: 'device',
    to: trace.arm,
    cause: 'link',
    reason: 'device -> cut: uplink 4.00 Mbit/s',
  };

  it('shows the last request of a session whose events come in as lines', async () => {
    const lines = [JSON.stringify(trace), JSON.stringify(change), 'a line of a log', JSON.stringify(trace)];
    const { code, out } = await fed(lines.join('\n'));
    expect(code).toBe(0);
    expect(out).toContain('127 ms');
    expect(out).toContain('4 Mbit/s');
    expect(out).toMatch(/head +50 ms {2}█+/);
    expect(out).toContain('2 requests, 1 changes');
    expect(out).toContain('uplink 4.00 Mbit/s');
  });

  it('ends with 1 where no request came', async () => {
    expect((await fed('nothing\n')).code).toBe(1);
  });

  function fed(text: string): Promise<{ code: number | null; out: string }> {
    const child = spawn(process.execPath, [...MAIN, 'watch'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      out += part;
    });
    child.stdin.end(text);
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, out })));
  }
});
