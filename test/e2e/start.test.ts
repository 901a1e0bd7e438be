/** The main job, as a newcomer runs it: `npm start`. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

interface Row {
  readonly bitsPerSecond: number;
  readonly chosen: Readonly<
    Record<'detector' | 'recogniser', { readonly name: string; readonly isCut: boolean }>
  >;
  readonly text: readonly string[];
  readonly textEqualsUncut: boolean;
  readonly totalMs: number;
  readonly edgeOnlyMs: number;
  readonly sentBytes: number;
}

function npmStart(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn('npm', ['start', '-s', '--', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  return new Promise((end) => child.once('exit', (code) => end({ code, out, err })));
}

describe('npm start', () => {
  it('reads the same text cut and uncut at every bandwidth, under both rules, and ends by itself', async () => {
    const { code, out, err } = await npmStart(['--json']);
    expect(code, err).toBe(0);
    const result = JSON.parse(out) as {
      uncutText: string[];
      slowdown: number;
      rules: { rule: string; rows: Row[] }[];
    };
    expect(result.slowdown).toBe(8);
    expect(result.uncutText.slice(0, 4)).toEqual(['NOTICE', 'DOUBLE', 'PARKING', 'PROHIBITED']);
    const [open, strict] = result.rules;
    expect([open?.rule, strict?.rule]).toEqual(['may-leave', 'stay']);
    for (const { rows } of result.rules) {
      expect(rows.map(({ bitsPerSecond }) => bitsPerSecond)).toEqual([1e6, 5e6, 20e6, 100e6]);
      for (const row of rows) {
        expect(row.text).toEqual(result.uncutText);
        expect(row.textEqualsUncut).toBe(true);
      }
    }
    // Where the picture must stay, nothing that sends it is chosen, and the choice follows the link.
    const names = (strict?.rows ?? []).map(({ chosen }) => [chosen.detector.name, chosen.recogniser.name]);
    expect(names.flat().filter((name) => name === 'picture' || name === 'raw input')).toEqual([]);
    expect(names[0]).not.toEqual(names[3]);
    const inside = new Set(names.flat().filter((name) => name !== 'device'));
    expect(inside.size).toBeGreaterThanOrEqual(2);
  }, 600_000);

  it('says what is wrong with an option, and has a help with an example', async () => {
    const wrong = await npmStart(['--edge-slowdown', '0']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain(
      "error[options-invalid]: --edge-slowdown is '0'; expected a number from 1 to 1000",
    );
    const help = await npmStart(['--help']);
    expect(help.code).toBe(0);
    expect(help.out).toContain('example: npm start -- ');
  }, 90_000);
});
