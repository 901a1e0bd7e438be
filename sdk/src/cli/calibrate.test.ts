/** Calibrate as a user starts it, on a small net with pictures of waves: what it says is checked against what it wrote. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { writeInputs } from '../../../test/support/npy-files.ts';
import { type Ended, runCutpoint } from '../../../test/support/run-cutpoint.ts';
import { wavePictures } from '../../../test/support/wave-pictures.ts';
import { type CalibratedArm, type Calibration, readCalibration } from '../planner/calibration.ts';
import { tablesOf } from '../planner/calibration-tables.ts';
import { readPlan } from '../planner/plan-file.ts';

const home = process.cwd();
let folder: string;

const calibrate = (...flags: string[]): Promise<Ended> =>
  runCutpoint('calibrate', 'net.onnx', '--inputs', 'pictures', '--threads', '1', '--max-cuts', '3', ...flags);
const parsed = ({ out }: Ended): Calibration => readCalibration(JSON.parse(out));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-'));
  await writeFile(join(folder, 'net.onnx'), smallConvNet());
  await writeInputs(join(folder, 'pictures'), wavePictures(6));
  // Says how often the largest of ten classes changed, and that it was handed all that a metric needs.
  const metric = `export default (cases) => cases.filter(({ feeds, expected, found }) => {
    const top = ({ data }) => data.indexOf(Math.max(...data));
    return feeds.input.dims.length !== 4 || top(expected.output) !== top(found.output);
  }).length / cases.length;`;
  await writeFile(join(folder, 'flips.mjs'), metric);
  await writeFile(join(folder, 'nothing.mjs'), 'export const loss = 1;');
  await writeFile(join(folder, 'text.mjs'), 'export default () => "small";');
  await writeFile(join(folder, 'silent.mjs'), 'export default async () => null;');
  await writeFile(join(folder, 'throws.mjs'), 'export default () => { throw new Error("no labels"); };');
  process.chdir(folder);
});
afterAll(async () => {
  process.chdir(home);
  await rm(folder, { recursive: true });
});

describe('cutpoint calibrate', () => {
  it('keeps what is within the budget, refuses the rest, and looks between the two for the largest step', async () => {
    const ended = await calibrate('--budget', '0.5%', '--json', '--out', 'written.json');
    expect({ code: ended.code, error: ended.error }).toEqual({ code: 0, error: '' });
    const { arms, budget, inputs, metric } = parsed(ended);
    expect({ budget, inputs, metric }).toEqual({ budget: 0.005, inputs: 6, metric: 'l2' });
    expect(await readFile('written.json', 'utf8')).toBe(ended.out);
    for (const arm of arms) expect(arm.refused).toBe(!((arm.error ?? 1) <= 0.005));
    for (const own of arms.filter(({ profile }) => profile === 'float32+deflate'))
      expect(own).toMatchObject({ refused: false, error: expect.closeTo(0, 6), agreement: 1 });
    const steps = stepsOf(arms);
    expect(steps.some(({ refused }) => refused)).toBe(true);
    expect(steps.some(({ isFound, refused }) => isFound && !refused)).toBe(true);
  });

  it('is the same to the last byte for the same inputs', async () => {
    const flags = ['--profiles', 'uint8+context,step:0.2+context', '--json'];
    expect((await calibrate(...flags)).out).toBe((await calibrate(...flags)).out);
  });

  it('writes tables that frames can name, for the arms that are kept', async () => {
    const calibration = parsed(await calibrate('--budget', '1%', '--json'));
    const tables = tablesOf(calibration);
    const coded = calibration.arms.filter(({ profile }) => profile.endsWith('+context'));
    for (const arm of coded) expect(Object.keys(arm.tables)).toHaveLength(arm.refused ? 0 : 1);
    const used = coded.flatMap((arm) => Object.values(arm.tables).map(Number));
    expect([...tables.keys()].toSorted()).toEqual([...new Set(used)].toSorted());
    expect(used.length).toBeGreaterThan(3);
  });

  it('answers first, and shows of each cut the smallest arm that keeps the budget, in 80 columns', async () => {
    const { code, out } = await calibrate('--budget', '1%');
    expect(code).toBe(0);
    expect(out).toMatch(/^Within a loss of 1 % \(l2\) \S+ as \S+\ssends least: /);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(out.match(/ kept$/gm)).toHaveLength(3);
    expect(out).toMatch(/\d+ more arms: --all\./);
    const all = await calibrate('--budget', '1%', '--all');
    expect(all.out.match(/ (kept|refused)$/gm)?.length).toBeGreaterThan(33);
  });

  it('ends with 1 where no arm keeps the budget', async () => {
    const { code, out } = await calibrate('--budget', '0.0001%', '--profiles', 'uint4,uint8');
    expect(code).toBe(1);
    expect(out).toContain('no arm is left: all 6 are refused');
  });

  it('measures by how often the largest output changes', async () => {
    const { arms, metric } = parsed(
      await calibrate('--metric', 'top1', '--json', '--profiles', 'uint4,uint8'),
    );
    expect(metric).toBe('top1');
    for (const { agreement, accuracyLoss } of arms)
      expect(accuracyLoss).toBeCloseTo(1 - (agreement ?? Number.NaN), 12);
  });

  it("measures by the user's own function, which sees what top-1 sees", async () => {
    const flags = ['--json', '--profiles', 'uint4,step:0.8+context', '--metric'];
    const [own, top1] = [
      parsed(await calibrate(...flags, 'flips.mjs')),
      parsed(await calibrate(...flags, 'top1')),
    ];
    expect(own.metric).toBe('flips.mjs');
    const losses = ({ arms }: Calibration) => arms.map(({ accuracyLoss }) => accuracyLoss?.toFixed(9));
    expect(losses(own)).toEqual(losses(top1));
  });

  it('refuses every arm of which the metric cannot say anything', async () => {
    const { code, out } = await calibrate(
      '--json',
      '--profiles',
      'uint8',
      '--budget',
      '50%',
      '--metric',
      'silent.mjs',
    );
    expect(code).toBe(1);
    expect(readCalibration(JSON.parse(out)).arms.every(({ accuracyLoss }) => accuracyLoss === null)).toBe(
      true,
    );
  });

  it('calibrates the cuts that are named, by name or id, and no others', async () => {
    const [first, , third] = cutIds(parsed(await calibrate('--json', '--profiles', 'uint8')));
    const cuts = `${first},${third}`;
    const ended = await calibrate('--json', '--profiles', 'uint8', '--cuts', cuts, '--max-cuts', '1');
    expect(cutIds(parsed(ended))).toEqual([first, third]);
  });

  it.each([
    [['--budget', 'half'], /--budget half is not a share such as 0\.5% or 0\.005/],
    [['--metric', 'psnr'], /--metric is 'psnr'; expected l2, top1, or the path of a module/],
    [['--metric', 'nowhere.mjs'], /--metric nowhere\.mjs cannot be loaded: /],
    [['--metric', 'nothing.mjs'], /--metric nothing\.mjs has no function as its default export/],
    [['--metric', 'text.mjs'], /--metric text\.mjs gave string; expected a number/],
    [['--metric', 'throws.mjs'], /--metric throws\.mjs failed: no labels/],
    [['--profiles', 'mp3'], /--profiles names 'mp3'; expected float32/],
    [['--profiles', 'uint8+context+previous'], /one of a sequence; a calibration measures tensors/],
    [['--cuts', 'nowhere'], /--cuts: 'nowhere' is not a cut inside the model/],
    [['--inputs', 'nowhere'], /cannot read --inputs nowhere/],
  ])('answers %j with 2 and one line', async (flags, message) => {
    const ended = await calibrate(...flags);
    expect(ended).toEqual({ code: 2, out: '', error: expect.stringMatching(message) });
    expect(ended.error.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('cutpoint plan --calibrate', () => {
  const profiles = ['--edge', 'edge.json', '--cloud', 'cloud.json'];
  const plan = async (...flags: string[]) => {
    const ended = await runCutpoint('plan', 'net.onnx', ...profiles, '--json', ...flags);
    expect(ended.error).toBe('');
    return readPlan(JSON.parse(ended.out));
  };

  beforeAll(async () => {
    const common = ['profile', 'net.onnx', '--shape', 'input=1x3x32x32', '--rounds', '2', '--max-cuts', '3'];
    const codecs = ['--threads', '1', '--codecs', 'uint8,uint8+context,uint4+context'];
    await runCutpoint(...common, ...codecs, '--slowdown', '50', '--out', 'edge.json');
    await runCutpoint(...common, ...codecs, '--out', 'cloud.json');
    await mkdir('shelf');
    expect((await calibrate('--budget', '1%', '--out', 'shelf/calibration.json')).code).toBe(0);
  });

  it('takes errors, bytes and tables from the file, and leaves out with a reason what is over the budget', async () => {
    const made = await plan('--calibrate', 'shelf/calibration.json');
    const calibration = readCalibration(JSON.parse(await readFile('shelf/calibration.json', 'utf8')));
    expect(made.calibration).toEqual({ inputs: 6, metric: 'l2', budget: 0.01 });
    for (const arm of made.arms.filter(({ kind }) => kind === 'split')) {
      const found = calibration.arms.find(({ cutId, profile }) => `${cutId}/${profile}` === arm.id);
      if (!found) {
        expect(arm).toMatchObject({ id: expect.stringMatching(/\/uint8$/), error: null });
        continue;
      }
      const { error, accuracyLoss, tables, sentBytes } = found;
      expect(arm).toMatchObject({ error, accuracyLoss, tables, cost: { sentBytes } });
      expect(arm.excludedBy).toEqual(found.refused ? ['calibration'] : []);
    }
    expect(made.arms.some(({ excludedBy }) => excludedBy.includes('calibration'))).toBe(true);
    expect(tablesOf(made).size).toBeGreaterThan(3);
  });

  it('plans with steps that nobody timed, and says that their times are guessed', async () => {
    const { arms, assumptions } = await plan('--calibrate', 'shelf');
    const steps = arms.filter(({ id }) => id.includes('/step:'));
    expect(steps.length).toBeGreaterThanOrEqual(15);
    expect(steps.every(({ isGuess, cost }) => isGuess && cost.encodeMs > 0)).toBe(true);
    const guessed = arms.filter(({ isGuess }) => isGuess).length;
    expect(assumptions.join(' ')).toContain(`${guessed} of ${arms.length} arms rest on guessed times`);
  });

  it('calibrates what was timed, from a folder of inputs', async () => {
    const { arms, calibration } = await plan('--calibrate', 'pictures');
    expect(calibration).toEqual({ inputs: 6, metric: 'l2', budget: null });
    const split = arms.filter(({ kind }) => kind === 'split');
    expect(split).toHaveLength(9);
    expect(split.every(({ error, isGuess }) => error !== null && !isGuess)).toBe(true);
  });

  it('measures what every two crossings lose together, and keeps the budget for them too', async () => {
    const stay = ['--outputs', 'stay', '--calibrate'];
    const now = await plan(...stay, 'pictures');
    const pairs = (of: typeof now) => of.arms.filter(({ keepsOutputs }) => keepsOutputs === true);
    expect(pairs(now)).toHaveLength(3 * 3);
    expect(pairs(now).every(({ error, accuracyLoss }) => error !== null && accuracyLoss === error)).toBe(
      true,
    );
    const text = now.assumptions.join(' ');
    expect(text).not.toContain('nobody measured');
    const losses = pairs(now).map(({ accuracyLoss }) => accuracyLoss ?? 0);
    const limit = losses.toSorted((a, b) => a - b)[4] as number;
    await writeFile('exact.yaml', `maxAccuracyLoss: ${limit}\n`);
    const limited = await plan(...stay, 'pictures', '--policy', 'exact.yaml');
    expect(pairs(limited).map(({ excludedBy }) => excludedBy)).toEqual(
      losses.map((loss) => (loss > limit ? ['maxAccuracyLoss'] : [])),
    );
    // Of a file that has none of them they are unknown, and a limit on what is lost leaves them out.
    const unknown = await plan(...stay, 'shelf', '--policy', 'exact.yaml');
    expect(unknown.assumptions.join(' ')).toMatch(
      /Of \d+ arms of more than one cut nobody measured the loss/,
    );
    for (const { excludedBy } of pairs(unknown)) expect(excludedBy).toContain('maxAccuracyLoss');
  });

  it('has them in a file, with those over the budget refused', async () => {
    const asked = ['--profiles', 'uint8,uint8+context,uint4+context,float32', '--outputs', 'stay'];
    const ended = await calibrate(...asked, '--gateways', '2', '--budget', '1%', '--out', 'ways.json');
    expect(ended.out.replaceAll(/\s+/g, ' ')).toMatch(
      /\d+ arms of more than one cut, \d+ of them refused: --json/,
    );
    const { ways = [], arms } = readCalibration(JSON.parse(await readFile('ways.json', 'utf8')));
    expect(ways.some(({ id }) => /^\w+-\w+\/uint8$/.test(id))).toBe(true);
    expect(ways.some(({ id }) => /^\w+>\w+-\w+\/uint8$/.test(id))).toBe(true);
    for (const { id, error, refused } of ways) {
      expect([id, refused]).toEqual([id, !((error ?? 1) <= 0.01)]);
      if (/\/float32/.test(id)) expect(error, id).toBeLessThan(1e-6);
      const twin = ways.find((one) => one.id === `${id}+context`);
      if (twin) expect(twin.error).toBe(error);
    }
    const refused = new Set(
      arms.filter((arm) => arm.refused).map(({ cutId, profile }) => `${cutId} ${profile}`),
    );
    expect(refused.size).toBeGreaterThan(0);
    const firstOf = (id: string) => `${id.split(/[->/]/)[0]} ${id.split('/')[1]}`;
    expect(ways.some(({ id }) => refused.has(firstOf(id)))).toBe(false);
    const made = await plan('--outputs', 'stay', '--calibrate', 'ways.json');
    for (const { id, error, excludedBy } of made.arms.filter(({ keepsOutputs }) => keepsOutputs === true)) {
      const way = ways.find((one) => one.id === id);
      expect([id, error]).toEqual([id, way?.error ?? null]);
      expect(excludedBy).toEqual(way && !way.refused ? [] : ['calibration']);
    }
    const tampered = JSON.parse(await readFile('ways.json', 'utf8'));
    tampered.ways.push({ id: 'a-b/uint8', error: 1, agreement: null, accuracyLoss: 1, refused: false });
    expect(() => readCalibration(tampered)).toThrow(
      /calibration\.ways\.\d+\.refused: loss 1 is over the budget/,
    );
  });

  it('names a path that is not there', async () => {
    const ended = await runCutpoint('plan', 'net.onnx', ...profiles, '--calibrate', 'nowhere.json');
    expect(ended).toMatchObject({
      code: 2,
      error: expect.stringMatching(/cannot read --calibrate nowhere\.json/),
    });
  });
});

/** Steps, and whether they are none of the ladder. */
function stepsOf(arms: readonly CalibratedArm[]) {
  const ladder = ['0.05', '0.1', '0.2', '0.4', '0.8'];
  return arms.flatMap(({ profile, refused }) => {
    const [, share] = /^step:([\d.]+)/.exec(profile) ?? [];
    return share === undefined ? [] : [{ isFound: !ladder.includes(share), refused }];
  });
}

function cutIds({ arms }: Calibration): readonly string[] {
  return [...new Set(arms.map(({ cutId }) => cutId))];
}
