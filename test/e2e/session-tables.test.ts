/** Calibrated tables from the command line to the wire: a gateway that has them gets fewer bytes, one without still answers. */
import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import { type Plan, readPlan } from '@cutpoint/sdk';
import { createSplitSession, type SplitSession } from '@cutpoint/sdk/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { writeInputs } from '../support/npy-files.ts';
import { wavePictures } from '../support/wave-pictures.ts';

const cutpoint = fileURLToPath(new URL('../../sdk/src/cli/main.ts', import.meta.url));
const shape = [1, 3, 32, 32];
const pictures = wavePictures(4);
let folders: ModelFolder[];
/** `plan.json` lies beside the model, `calibration.json` does, nothing does. */
let gateways: Gateway[];
let plan: Plan;

const path = (name: string) => join(folders[0]?.path ?? '', name);

beforeAll(async () => {
  const net = { model: smallConvNet(), inputs: { input: shape } };
  folders = await Promise.all([0, 1, 2].map(() => makeModelFolder({ net })));
  plan = await makePlan();
  const beside = (place: number, file: string) => join(dirname(folders[place]?.model('net') ?? ''), file);
  await copyFile(path('made-plan.json'), beside(0, 'plan.json'));
  await copyFile(path('made-calibration.json'), beside(1, 'calibration.json'));
  await writeFile(beside(2, 'plan.json'), '{"format": "another"}');
  gateways = await Promise.all(
    folders.map((folder) =>
      startGateway(resolveConfig({ models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0' })),
    ),
  );
}, 60_000);
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await Promise.all(folders.map((folder) => folder.remove()));
});

async function makePlan(): Promise<Plan> {
  const model = folders[0]?.model('net') ?? '';
  await writeInputs(path('pictures'), pictures);
  await writeFile(path('policy.yaml'), 'inputs: stay\n');
  const inputs = ['--inputs', path('pictures')];
  const codecs = ['--rounds', '2', '--pause', '0', '--codecs', 'uint8+context', '--max-cuts', '2'];
  await run('profile', model, ...inputs, ...codecs, '--slowdown', '1000', '--out', path('edge.json'));
  await run('profile', model, ...inputs, ...codecs, '--out', path('cloud.json'));
  const calibration = path('made-calibration.json');
  await run('calibrate', model, ...inputs, '--max-cuts', '2', '--budget', '2%', '--out', calibration);
  const profiles = ['--edge', path('edge.json'), '--cloud', path('cloud.json')];
  const more = ['--calibrate', calibration, '--policy', path('policy.yaml')];
  await run('plan', model, ...profiles, ...more, '--out', path('made-plan.json'));
  return readPlan(JSON.parse(await readFile(path('made-plan.json'), 'utf8')));
}

function run(...args: readonly string[]) {
  return promisify(execFile)(process.execPath, ['--conditions=@cutpoint/source', cutpoint, ...args]);
}

function open(place: number): Promise<SplitSession> {
  return createSplitSession(folders[place]?.model('net') ?? '', {
    broker: gateways[place]?.brokerUrl ?? '',
    model: 'net',
    inputShapes: { input: shape },
    plan: path('made-plan.json'),
    fallback: 'none',
    deadlineMs: 10_000,
  });
}

/** Split arms that name tables, none of them over the budget. */
function codedArms() {
  const coded = plan.arms.filter((arm) => Object.keys(arm.tables).length > 0);
  expect(coded.length).toBeGreaterThan(2);
  expect(coded.every(({ accuracyLoss }) => (accuracyLoss ?? 1) <= 0.02)).toBe(true);
  return coded;
}

async function answer(session: SplitSession, arm: string, place = 0) {
  const { output } = await session.run({ input: pictures[place] as never }, { arm });
  return { values: Array.from(output?.data as Float32Array), sentBytes: session.lastTrace?.sentBytes ?? 0 };
}

function relativeL2(found: readonly number[], exact: readonly number[]): number {
  const length = (values: readonly number[]) => Math.hypot(...values);
  return length(found.map((value, place) => value - (exact[place] ?? 0))) / length(exact);
}

describe('a session with calibrated tables', () => {
  it.each([
    [0, 'plan'],
    [1, 'calibration'],
  ])('sends fewer bytes to gateway %i, which has the %s, than to one without tables', async (place) => {
    await using knowing = await open(place);
    await using lacking = await open(2);
    const savedBytes: number[] = [];
    for (const { id } of codedArms()) {
      const [named, inline] = [await answer(knowing, id), await answer(lacking, id)];
      // Where symbols are packed smaller as they are, neither frame uses tables.
      expect(named.sentBytes).toBeLessThanOrEqual(inline.sentBytes);
      savedBytes.push(inline.sentBytes - named.sentBytes);
      expect(named.values).toEqual(inline.values);
    }
    expect(Math.max(...savedBytes)).toBeGreaterThan(50);
  });

  it('answers within the error that the plan says, for every input that it was measured on', async () => {
    await using session = await open(0);
    for (const { id, error } of codedArms()) {
      for (const place of pictures.keys()) {
        const [split, whole] = [await answer(session, id, place), await answer(session, 'device', place)];
        expect(relativeL2(split.values, whole.values)).toBeLessThan((error ?? 0) + 1e-5);
      }
    }
  });

  it('is told once that a gateway lacks the tables, and then sends them in the frame at once', async () => {
    await using session = await open(2);
    const [{ id = '' } = {}] = codedArms();
    const sent: number[] = [];
    for (let request = 0; request < 3; request++) sent.push((await answer(session, id)).sentBytes);
    expect(new Set(sent).size).toBe(1);
    expect(session.stats()).toMatchObject({ failures: 0, splitAnswers: 3 });
  });
});
