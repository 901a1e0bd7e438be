/** Plans that part a model over the accelerators of a machine: when memory forces it, and never else. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Architecture } from '../../../test/support/models/architecture.ts';
import { architectureShapes } from '../../../test/support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../../../test/support/models/architectures.ts';
import { runCutpoint } from '../../../test/support/run-cutpoint.ts';
import { readPlan } from '../planner/plan-file.ts';
import { readProfile } from '../planner/profile.ts';

const vgg = ARCHITECTURES.find(({ name }) => name === 'VGG-16') as Architecture;
let folder: string;
const at = (file: string) => join(folder, file);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-ranks-'));
  const scale = vgg.smallScale;
  await writeFile(at('model.onnx'), vgg.make({ scale }));
  const shape = architectureShapes(vgg, { scale }).input?.join('x');
  const common = ['--shape', `input=${shape}`, '--max-cuts', '4', '--codecs', 'float32'];
  for (const guess of ['board', 'server'])
    expect(
      await runCutpoint('profile', at('model.onnx'), ...common, '--guess', guess, '--out', at(guess)),
    ).toMatchObject({ code: 0 });
  // A device on which every layer hurts.
  const board = readProfile(JSON.parse(await readFile(at('board'), 'utf8')));
  const slower = <T extends { readonly medianMs: number }>(timing: T): T => ({
    ...timing,
    medianMs: timing.medianMs * 100,
  });
  const cuts = board.cuts.map((cut) => ({ ...cut, head: slower(cut.head), tail: slower(cut.tail) }));
  await writeFile(at('board'), JSON.stringify({ ...board, whole: slower(board.whole), cuts }));
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

async function planOn(machine: object) {
  const machines = {
    machines: [{ name: 'cloud-1', profile: 'server', ...machine }],
    links: [{ from: 'device', to: 'cloud-1', uplinkMbps: 1000, roundTripMs: 1 }],
  };
  await writeFile(at('machines.yaml'), JSON.stringify(machines));
  const flags = ['--edge', at('board'), '--machines', at('machines.yaml'), '--json'];
  const { code, out, error } = await runCutpoint('plan', at('model.onnx'), ...flags);
  if (code !== 0) return { error, notes: [], cut: undefined, device: undefined };
  const { assumptions, route, cloud } = readPlan(JSON.parse(out));
  const notes = assumptions.filter((text) => /on \d+ ranks/.test(text));
  return { error, notes, cut: route?.placements.at(-1)?.cuts[0], device: cloud.device };
}

/** All weights are 10.4 MB, and half of them and what no rule parts 5.3 MB. */
const SMALL = 6e6;
const QUICK = { collectiveMs: 0.01, collectiveGbps: 800 };

it('takes ranks where one accelerator has no room for what would run there, and says what for', async () => {
  const free = await planOn({ accelerators: 2, ...QUICK });
  const roomy = await planOn({ memoryBytes: 2e7, accelerators: 2, ...QUICK });
  const tight = await planOn({ memoryBytes: SMALL, accelerators: 2, ...QUICK });
  expect([free.notes, roomy.notes]).toEqual([[], []]);
  expect(tight.notes).toHaveLength(1);
  expect(tight.notes[0]).toMatch(/cloud-1 runs it on 2 ranks .* 6\.0 MB .* 5\.\d MB of weights each/);
  expect(tight.notes[0]).toMatch(/\d+\.\d ms are added for \d+ collectives .* machines file/);
  expect(tight.device).toMatch(/, on 2 ranks$/);
  expect(tight.cut).toBe(free.cut);
});

it('stays with one accelerator where the device’s own share is cheaper than collectives, or there are too few', async () => {
  const alone = await planOn({ memoryBytes: SMALL });
  expect(alone.cut).toBeDefined();
  const dear = await planOn({ memoryBytes: SMALL, accelerators: 2, collectiveMs: 1e5 });
  const few = await planOn({ memoryBytes: 3e6, accelerators: 2, ...QUICK });
  expect(dear).toEqual(alone);
  expect(few.notes).toEqual([]);
});

it('says where nothing fits how many ranks it would take', async () => {
  const { error } = await planOn({ memoryBytes: 1e6, accelerators: 2 });
  expect(error).toMatch(
    /memory would have to be lifted.*cloud-1: all weights would take \d+ ranks.* 2 accelerators/,
  );
});

it('calls it assumed where nobody measured collectives', async () => {
  const { notes } = await planOn({ memoryBytes: SMALL, accelerators: 2 });
  expect(notes[0]).toMatch(/two H100s of one host \(assumed\)/);
});
