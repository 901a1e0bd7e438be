import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { runCutpoint } from '../../../test/support/run-cutpoint.ts';
import { wavePictures } from '../../../test/support/wave-pictures.ts';
import type { Tensor } from '../tensor.ts';
import { seededRandom } from '../testing/random.ts';
import { encodeNpy } from '../verify/npy.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-leakage-'));
  await writeFile(at('net.onnx'), smallConvNet());
  for (const [name, count] of [
    ['many', 32],
    ['few', 7],
  ] as const) {
    await mkdir(at(name));
    for (const [place, picture] of mixedPictures(count).entries())
      await writeFile(join(at(name), `${String(place).padStart(2, '0')}.npy`), encodeNpy(picture));
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Mixtures of a few pictures, as those of one camera have much in common: what some teach holds for the others. */
function mixedPictures(count: number): readonly Tensor[] {
  const random = seededRandom(7);
  const parts = wavePictures(5).map(({ data }) => data as Float32Array);
  return Array.from({ length: count }, () => {
    const shares = parts.map(() => 2 * random() - 1);
    const data = Float32Array.from({ length: 3 * 32 * 32 }, (_, k) =>
      parts.reduce((sum, part, place) => sum + (shares[place] ?? 0) * (part[k] ?? 0), 0),
    );
    return { type: 'float32', dims: [1, 3, 32, 32], data };
  });
}

const LEAKAGE = ['leakage', '--max-cuts', '3', '--side', '16'];
const leakage = (...flags: string[]) => runCutpoint(...LEAKAGE, at('net.onnx'), ...flags);

it('measures what an attacker gets back at each cut, and what noise does to that and to the answers', async () => {
  const flags = ['--inputs', at('many'), '--noise', '0.5,4', '--html', at('leakage.html'), '--json'];
  const { code, out, error } = await leakage(...flags);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const found = JSON.parse(out);
  expect(found).toMatchObject({ taught: 24, guessed: 8, target: 'input', profile: 'uint8' });
  expect(found.warning).toContain('not privacy');
  expect(found.cuts).toHaveLength(3);
  // Pictures that are sums of waves are there to be guessed where little has been done to them.
  const [shallow] = found.cuts;
  expect(shallow.levels[0].psnr).toBeGreaterThan(found.blind.psnr + 3);
  expect(shallow.levels[0].distanceCorrelation).toBeGreaterThan(0.7);
  for (const { levels, calibratedNoise } of found.cuts) {
    const [none, some, much] = levels;
    expect([none.noise, some.noise, much.noise]).toEqual([0, 0.5, 4]);
    expect(much.explained).toBeLessThan(none.explained);
    expect(much.distanceCorrelation).toBeLessThan(none.distanceCorrelation);
    expect(much.outputError).toBeGreaterThan(some.outputError);
    const within = levels.filter(({ loss }: { loss: number }) => loss <= 0.05);
    expect(calibratedNoise).toBe(within.at(-1)?.noise ?? null);
  }
  expect((await leakage(...flags)).out).toBe(out);

  const page = await readFile(at('leakage.html'), 'utf8');
  expect(page).toContain('Depth and quantisation alone are not privacy');
  expect(page.match(/<img class="pixels" src="data:image\/bmp/g)?.length).toBeGreaterThanOrEqual(6 * 4);
  expect(page).not.toMatch(/(?:src|href)="https?:/);
  const text = await leakage('--inputs', at('many'), '--noise', '1');
  expect(text.out).toMatch(/^A linear attacker gets back \d+ % /);
  expect(Math.max(...text.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
}, 60_000);

it.each([
  [['--inputs', 'few'], 'expected 8 or more'],
  [['--inputs', 'many', '--target', 'x'], "inputs named 'x'"],
  [['--inputs', 'many', '--noise', '0'], '--noise 0'],
  [['--inputs', 'many', '--profile', 'uint8,float16'], 'one codec profile'],
  [['--inputs', 'many', '--cuts', 'nowhere'], "'nowhere'"],
])('says what is wrong with %j', async ([flag = '', name = '', ...others], message) => {
  const { code, error } = await leakage(flag, at(name), ...others);
  expect(code).toBe(2);
  expect(error).toContain(message);
});
