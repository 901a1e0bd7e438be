import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { transformer } from '../../../test/support/models/transformer.ts';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-'));
  await writeFile(join(folder, 'net.onnx'), smallConvNet());
  await writeFile(join(folder, 'xf.onnx'), transformer());
  await writeFile(join(folder, 'broken.onnx'), smallConvNet().subarray(0, 500));
});
afterAll(() => rm(folder, { recursive: true }));

/** As a user would start it. */
function cutpoint(...args: string[]): Promise<Ended> {
  const argv = ['--conditions=@cutpoint/source', join(import.meta.dirname, 'main.ts'), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { cwd: folder, maxBuffer: 1 << 26 }, (error, out, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, error: stderr });
    });
  });
}

describe('cutpoint inspect', () => {
  it('answers in its first line, draws the frontier and fits 80 columns', async () => {
    const { code, out, error } = await cutpoint('inspect', 'net.onnx', '--shape', 'input=1,3,32,32');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toMatch(
      /^\d+ of \d+ legal cuts are offered; the first to send less than\s+the\s+inputs\s+lies/,
    );
    expect(out).toMatch(/[▁▂▃▄▅▆▇█]{5}/);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(out).not.toContain('\u001b');
  });

  it('gives every legal cut as JSON, with the reason against it', async () => {
    const { out } = await cutpoint('inspect', 'net.onnx', '--json');
    const { model, cuts } = JSON.parse(out);
    expect(model).toBe('net.onnx');
    expect(cuts[0]).toMatchObject({ position: 0, offered: false, reason: 'all in the cloud', bytes: null });
    expect(cuts.filter((cut: { offered: boolean }) => cut.offered).length).toBeGreaterThan(3);
  });

  it('says which shapes to give where sizes are open', async () => {
    const { out } = await cutpoint('inspect', 'xf.onnx');
    expect(out).toMatch(/--shape\s+input=batch,seq,32/);
  });

  it('writes a page that stands alone', async () => {
    const page = join(folder, 'cuts.html');
    expect((await cutpoint('inspect', 'net.onnx', '--shape', 'input=1,3,32,32', '--html', page)).code).toBe(
      0,
    );
    const html = await readFile(page, 'utf8');
    expect(html).toMatch(/<h1>\d+ of \d+ legal cuts are offered/);
    expect(html).toContain('<svg');
    expect(html).toContain('cutpoint inspect net.onnx --shape input=1,3,32,32');
    expect(html).not.toMatch(/<script|https?:/);
  });
});

describe('cutpoint verify', () => {
  it('proves every offered cut exact', async () => {
    const { code, out, error } = await cutpoint('verify', 'net.onnx');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toMatch(/^Exact: head and tail equal the whole of net\.onnx bit for bit at all \d+ cuts/);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('proves pairs of cuts, the largest middles first', async () => {
    const { code, out } = await cutpoint('verify', 'net.onnx', '--pairs', '4', '--together', '3', '--json');
    const { cuts, wrong } = JSON.parse(out) as {
      wrong: number;
      cuts: { cut: string; to: string | null; exact: boolean }[];
    };
    const pairs = cuts.filter(({ to }) => to !== null);
    expect({ code, wrong, pairs: pairs.length, exact: pairs.every(({ exact }) => exact) }).toEqual({
      ...{ code: 0, wrong: 0, pairs: 4, exact: true },
    });
    const places = new Map(cuts.flatMap(({ cut, to }, place) => (to === null ? [[cut, place]] : [])));
    expect(pairs[0]).toMatchObject({ cut: cuts[0]?.cut, to: cuts.at(-5)?.cut });
    for (const { cut, to } of pairs)
      expect(places.get(to ?? '') ?? 0).toBeGreaterThan(places.get(cut) ?? Number.NaN);
    const text = await cutpoint('verify', 'net.onnx', '--pairs', '1', '--executor', 'valve');
    expect(text.out).toMatch(/bit for bit at all \d+ cuts and\s+1 pair of them \(/);
    expect(Math.max(...text.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('fails where a cut through fused nodes is over the tolerance', async () => {
    const { code, out } = await cutpoint('verify', 'net.onnx', '--all-cuts', '--tolerance', '0', '--json');
    const { cuts, wrong } = JSON.parse(out);
    expect({ code, wrong: wrong > 0 }).toEqual({ code: 1, wrong: true });
    expect(wrong).toBe(
      cuts.filter((cut: { relativeDifference: number }) => cut.relativeDifference > 0).length,
    );
  });

  it('takes inputs from files', async () => {
    const head = `${"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 32, 32), }".padEnd(117)}\n`;
    const bytes = Buffer.alloc(128 + 2 * 3 * 32 * 32 * 4);
    bytes.write('\x93NUMPY\x01\x00', 'latin1');
    bytes.writeUInt16LE(118, 8);
    bytes.write(head, 10, 'latin1');
    for (let i = 0; i < 2 * 3 * 32 * 32; i++) bytes.writeFloatLE(Math.sin(i), 128 + 4 * i);
    await writeFile(join(folder, 'input.npy'), bytes);
    const { code, out } = await cutpoint('verify', 'net.onnx', '--inputs', '.', '--together', '8');
    expect({ code, first: out.slice(0, 5) }).toEqual({ code: 0, first: 'Exact' });
  });
});

describe('cutpoint', () => {
  it('shows an example with every verb', async () => {
    for (const verb of ['inspect', 'verify']) {
      const { code, out } = await cutpoint(verb, '--help');
      expect(code).toBe(0);
      expect(out).toContain(`$ cutpoint ${verb} model.onnx`);
    }
  });

  it.each([
    [['inspect', 'none.onnx'], 1, /^error\[model-invalid\]: cannot read model .*none\.onnx: ENOENT\n$/],
    [['inspect', 'broken.onnx'], 1, /^error\[model-invalid\]: /],
    [['inspect', 'net.onnx', '--shape', 'input'], 2, /^error\[options-invalid\]: --shape input is not/],
    [['inspect', 'net.onnx', '--shape', 'y=1'], 2, /^error\[options-invalid\]: inputShapes names "y"/],
    [
      ['verify', 'xf.onnx'],
      2,
      /^error\[options-invalid\]: an input is open in size.*--shape input=batch,seq,32/,
    ],
    [['verify', 'net.onnx', '--level', 'most'], 2, /^error\[options-invalid\]: .*level/],
    [['verify', 'net.onnx', '--executor', 'fastest'], 2, /^error\[options-invalid\]: --executor fastest/],
    [
      ['verify', 'net.onnx', '--inputs', 'nowhere'],
      2,
      /^error\[options-invalid\]: cannot list --inputs nowhere/,
    ],
    [['verify', 'net.onnx', '--provider', 'abacus'], 1, /^error\[provider-unavailable\]: /],
    [['slice'], 2, /^error\[options-invalid\]: .*slice.*inspect, verify/],
    [[], 2, /^error\[options-invalid\]: no verb given/],
    [
      ['inspect', 'net.onnx', '--frob'],
      2,
      /^error\[options-invalid\]: unknown option '--frob'; see cutpoint inspect --help\n$/,
    ],
    [
      ['bundle', '.', '--model', 'net', '--model-version', '1', '--counter', '1', '--out', 'net.onnx/b'],
      1,
      /^error\[storage-failed\]: ENOTDIR/,
    ],
  ])('answers %j with exit code %i and one line', async (args, code, message) => {
    const ended = await cutpoint(...args);
    expect(ended).toEqual({ code, out: '', error: expect.stringMatching(message) });
    expect(ended.error.trimEnd().split('\n')).toHaveLength(1);
  });
});
