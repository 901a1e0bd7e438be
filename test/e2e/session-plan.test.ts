/** From two profiles to a plan, and from the plan to a session's first answer: through the programs that a user has. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Gateway, resolveConfig, startGateway } from '@cutpoint/cloud-gateway';
import { createSplitSession, type SplitSessionOptions } from '@cutpoint/sdk/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { resnet18 } from '../support/models/resnet18.ts';

const cutpoint = fileURLToPath(new URL('../../sdk/src/cli/main.ts', import.meta.url));
// A net whose layers take longer than handing their tensors over, so that every head is shorter than the whole.
const scale = resnet18.smallScale;
const shape = [1, 3, 224, 224];
const feeds = { input: randomTensor(randomNumbers(12), shape) };
let folder: ModelFolder;
let gateway: Gateway;
let planPath: string;

beforeAll(async () => {
  const nets = { net: { model: resnet18.make({ scale }), inputs: { input: shape } } };
  folder = await makeModelFolder({
    ...nets,
    other: { model: resnet18.make({ scale, seed: 7 }), inputs: { input: shape } },
  });
  gateway = await startGateway(
    resolveConfig({ models: folder.path, logLevel: 'silent', listen: '127.0.0.1:0' }),
  );
  await makeProfiles();
  planPath = await makePlan('latency');
}, 60_000);
afterAll(async () => {
  await gateway.stop();
  await folder.remove();
});

const at = (name: string) => join(folder.path, name);

async function makeProfiles(): Promise<void> {
  const shapeFlags = [
    '--shape',
    `input=${shape.join('x')}`,
    '--rounds',
    '3',
    '--pause',
    '0',
    '--codecs',
    'uint8',
  ];
  const model = folder.model('net');
  await run('profile', model, ...shapeFlags, '--slowdown', '1000', '--out', at('edge.json'));
  await run('profile', model, ...shapeFlags, '--as', 'gateway', '--out', at('cloud.json'));
}

/** The device is so slow that every link makes the cloud worth it; the policy keeps the input and shallow cuts at home. */
async function makePlan(objective: string, ...further: readonly string[]): Promise<string> {
  await writeFile(at('policy.yaml'), `objective: ${objective}\ninputs: stay\nminDepth: 0.3\n`);
  const profiles = ['--edge', at('edge.json'), '--cloud', at('cloud.json')];
  const out = at(`${[objective, ...further].join('')}.json`);
  await run(
    'plan',
    folder.model('net'),
    ...profiles,
    '--policy',
    at('policy.yaml'),
    ...further,
    '--out',
    out,
  );
  return out;
}

function run(...args: readonly string[]) {
  return promisify(execFile)(process.execPath, ['--conditions=@cutpoint/source', cutpoint, ...args]);
}

function open(options: Partial<SplitSessionOptions> = {}, model = 'net') {
  const whole = { broker: gateway.brokerUrl, model, inputShapes: { input: shape }, plan: planPath };
  return createSplitSession(folder.model(model), { ...whole, ...options });
}

describe('a session with a plan', () => {
  it('splits its first run, and answers as the whole model does', async () => {
    await using session = await open({ profiles: ['float32'] });
    const split = await session.run(feeds);
    const arm = session.lastTrace?.arm;
    const whole = await session.run(feeds, { arm: 'device' });
    expect(arm).toMatch(/\/uint8$/);
    const [got, expected] = [split, whole].map((outputs) => Array.from(outputs.output?.data as Float32Array));
    const worst = Math.max(...(expected ?? []).map((value, place) => Math.abs(value - (got?.[place] ?? 0))));
    expect(worst).toBeLessThan(0.02 * Math.max(...(expected ?? []).map(Math.abs)));
  });

  it('has the arms that the policy of the plan allows, with what they cost, and no other', async () => {
    await using session = await open();
    const cuts = session.arms.flatMap((arm) => (arm.kind === 'split' ? [arm.cut] : []));
    expect(cuts.length).toBeGreaterThan(0);
    expect(cuts.filter(({ depth }) => depth < 0.3)).toEqual([]);
    expect(session.predictions().map(({ arm }) => arm.id)).toHaveLength(session.arms.length);
  });

  it('opens no more cuts than it is told to, those that are best somewhere first', async () => {
    await using session = await open({ maxCuts: 1 });
    const plan = JSON.parse(await readFile(planPath, 'utf8')) as {
      arms: { id: string; kind: string; best: object | null }[];
    };
    const best = plan.arms.filter(({ kind, best }) => kind === 'split' && best !== null).map(({ id }) => id);
    const ids = session.arms.map(({ id }) => id);
    expect(ids).toHaveLength(2);
    expect(best).toContain(ids[1]);
  });

  it('makes least what the plan was told to: where that is bytes, nothing is sent however slow the device is', async () => {
    await using session = await open({ plan: await makePlan('bytes'), deadlineMs: 600_000 });
    await session.run(feeds);
    expect(session.lastTrace?.arm).toBe('device');
    await session.run(feeds, { arm: session.arms.at(-1)?.id ?? '' });
    await session.run(feeds);
    expect(session.lastTrace).toMatchObject({ arm: 'device' });
    expect(session.lastTrace?.fallback).toBeUndefined();
  });

  it('keeps both ends where the plan does, by two cuts of the plan', async () => {
    await using session = await open({ plan: await makePlan('latency', '--outputs', 'stay') });
    await session.run(feeds);
    const used = session.arms.find(({ id }) => id === session.lastTrace?.arm);
    expect(used).toMatchObject({ kind: 'split', to: expect.anything() });
    expect(session.arms.every((arm) => arm.kind === 'device' || arm.to !== undefined)).toBe(true);
    expect(session.predictions().map(({ arm }) => arm.id)).toHaveLength(session.arms.length);
  });

  it('takes the plan parsed, too', async () => {
    await using session = await open({ plan: JSON.parse(await readFile(planPath, 'utf8')) });
    await session.run(feeds);
    expect(session.lastTrace?.arm).not.toBe('device');
  });

  it('refuses a plan of another model, a changed one, and a file that is not there', async () => {
    await expect(open({}, 'other')).rejects.toMatchObject({ code: 'model-mismatch' });
    const plan = JSON.parse(await readFile(planPath, 'utf8'));
    await expect(open({ plan: { ...plan, region: 'elsewhere' } })).rejects.toMatchObject({
      code: 'options-invalid',
    });
    await expect(open({ plan: at('nowhere.json') })).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringContaining('nowhere.json'),
    });
  });
});
