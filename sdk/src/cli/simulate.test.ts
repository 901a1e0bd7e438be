import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TWO_MACHINE_CUT, twoMachinePlan } from '../../../test/support/two-machine-plan.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-simulate-'));
  await writeFile(join(folder, 'plan.json'), twoMachinePlan());
  const lines = Array.from({ length: 30 }, (_, i) => `${i} ${i % 10 < 5 ? 8 : 0.5}`);
  await writeFile(join(folder, 'bus.txt'), lines.join('\n'));
  await writeFile(join(folder, 'bad.txt'), '0 1\n0 2\n');
});
afterAll(() => rm(folder, { recursive: true }));

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
    ...{ arm: `${TWO_MACHINE_CUT}/uint8`, cut: 'mixed4', headMs: 50, encodeMs: 5, uplinkMs: 40, queueMs: 1 },
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
