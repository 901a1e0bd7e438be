import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { runCutpoint } from '../../../test/support/run-cutpoint.ts';
import { twoMachinePlan } from '../../../test/support/two-machine-plan.ts';
import { wavePictures } from '../../../test/support/wave-pictures.ts';
import { readPlan } from '../planner/plan-file.ts';
import { formatNumber } from '../report/table.ts';
import { encodeNpy } from '../verify/npy.ts';
import { RUNBOOKS } from './report-operation.ts';

const FLEET = `
name: gates
slo: { p95Ms: 400 }
regions: [{ name: eu, mayUse: [] }]
prices: { perGatewayHour: 0.5, perGigabyte: 0.05 }
classes:
  - { name: gates, plan: plan.json, devices: 60, everySeconds: 5, link: { uplinkMbps: { p5: 2, p50: 8, p95: 40 }, roundTripMs: 20 } }
`;
const POLICY =
  'placement:\n  classes:\n    faces: { activations: [eu], retentionMs: 0 }\n  encryption: required\n';
let folder: string;
let plan: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-report-'));
  plan = twoMachinePlan();
  await Promise.all([
    writeFile(join(folder, 'plan.json'), plan),
    writeFile(join(folder, 'fleet.yaml'), FLEET),
    writeFile(join(folder, 'policy.yaml'), POLICY),
    writeFile(join(folder, 'other.json'), plan.replaceAll('d'.repeat(64), 'e'.repeat(64))),
  ]);
});
afterAll(() => rm(folder, { recursive: true }));

function report(...more: string[]) {
  const [fleet, policy] = [join(folder, 'fleet.yaml'), join(folder, 'policy.yaml')];
  return runCutpoint('report', join(folder, 'plan.json'), '--fleet', fleet, '--policy', policy, ...more);
}

describe('cutpoint report', () => {
  it('holds every section, every limit of the policy, and the digest of every file', async () => {
    const { code, out } = await report();
    expect(code).toBe(0);
    const headings = [...out.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      ...['Objectives and limits', 'Candidates and their evidence', 'Chosen bands', 'Switching policy'],
      ...['Fallback ladder', 'Residency', 'Leakage', 'Capacity', 'Costs', 'Watching it'],
      'Assumptions and digests',
    ]);
    expect(out).toContain('| policy.placement.classes.faces.activations | eu | given: policy.yaml |');
    expect(out).toContain('| policy.placement.encryption | required | given: policy.yaml |');
    for (const text of [plan, FLEET, POLICY]) {
      expect(out).toContain(createHash('sha256').update(text).digest('hex'));
    }
  });

  it('refuses a plan that may choose what the policy forbids', async () => {
    const stay = join(folder, 'stay.yaml');
    await writeFile(stay, 'inputs: stay\n');
    const refused = await report('--policy', stay);
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.error).toMatch(/may choose what the policy forbids: the input as image \(inputs\)/);
    const deep = join(folder, 'deep.yaml');
    await writeFile(deep, 'minDepth: 0.6\nafterNode: mixed4\n');
    expect((await report('--policy', deep)).error).toMatch(/minDepth\) and 1 more; plan with this --policy/);
  });

  it('says of every arm whether it was measured, and that leakage was not', async () => {
    const { out } = await report();
    const candidates = out.split('## ').find((part) => part.startsWith('Candidates')) ?? '';
    const rows = candidates
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2);
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) expect(row).toMatch(/\| (measured|guessed: an assumption) \|/);
    expect(out).toContain('Not measured: no leakage report was given');
  });

  it('repeats what leakage and plan found on a model, and the policy that all of them were given', async () => {
    const at = (name: string) => join(folder, name);
    await mkdir(at('inputs'));
    await writeFile(at('net.onnx'), smallConvNet());
    for (const [place, picture] of wavePictures(8).entries())
      await writeFile(at(`inputs/${place}.npy`), encodeNpy(picture));
    const done = async (...args: string[]) => {
      const { code, out, error } = await runCutpoint(...args);
      expect({ args, code, error }).toEqual({ args, code: 0, error: '' });
      return out;
    };
    const cuts = ['--max-cuts', '2'];
    const measured = await done(
      'leakage',
      at('net.onnx'),
      '--inputs',
      at('inputs'),
      ...cuts,
      '--noise',
      '1',
      '--json',
    );
    await writeFile(at('leakage.json'), measured);
    for (const guess of ['board', 'server'])
      await done(
        'profile',
        at('net.onnx'),
        '--inputs',
        at('inputs'),
        ...cuts,
        '--guess',
        guess,
        '--out',
        at(guess),
      );
    const policy = 'outputs: stay\nplacement:\n  activations: [eu]\n  keep: [input]\n';
    await writeFile(at('private.yaml'), policy);
    const profiles = ['--edge', at('board'), '--cloud', at('server'), '--region', 'eu'];
    const files = ['--policy', at('private.yaml'), '--out', at('net.plan.json')];
    await done('plan', at('net.onnx'), ...profiles, ...files);
    await writeFile(at('nets.yaml'), FLEET.replace('plan.json', 'net.plan.json'));
    const fleet = ['--fleet', at('nets.yaml'), '--policy', at('private.yaml')];
    const text = await done('report', at('net.plan.json'), ...fleet, '--leakage', at('leakage.json'));
    const found = JSON.parse(measured) as {
      cuts: { name: string; levels: { noise: number; psnr: number }[] }[];
    };
    const rows = text.split('## Leakage')[1]?.split('## ')[0]?.split('\n') ?? [];
    for (const { name, levels } of found.cuts)
      for (const { noise, psnr } of levels)
        expect(
          rows.some(
            (row) =>
              row.includes(name) && row.includes(`| ${noise} |`) && row.includes(`| ${formatNumber(psnr)} |`),
          ),
          `${name} ${noise} ${psnr}\n${rows.join('\n')}`,
        ).toBe(true);
    const plan = readPlan(JSON.parse(await readFile(at('net.plan.json'), 'utf8')));
    const [u] = plan.arms.filter(({ keepsOutputs }) => keepsOutputs);
    expect(u?.excludedBy).toEqual([]);
    expect(text).toContain('back at');
    expect(text).toContain('not: outputs');
    expect(text).toContain('| policy.placement.keep | input | given: policy.yaml |');
    expect(text).toContain(plan.hash);
    const other = await runCutpoint(
      'report',
      at('plan.json'),
      '--fleet',
      at('fleet.yaml'),
      '--policy',
      at('policy.yaml'),
      '--leakage',
      at('leakage.json'),
    );
    expect(other).toMatchObject({ code: 1, error: expect.stringContaining('error[model-mismatch]') });
  }, 60_000);

  it('writes a page that stands alone', async () => {
    const path = join(folder, 'strategy.html');
    const { code, out } = await report('--out', path);
    expect([code, out]).toEqual([0, '']);
    const page = await readFile(path, 'utf8');
    expect(page).toContain('<svg');
    expect(page).not.toMatch(/<(script|link|img)|src=|@import/);
  });

  it('refuses a plan that no class of the fleet has', async () => {
    const args = ['--fleet', join(folder, 'fleet.yaml'), '--policy', join(folder, 'policy.yaml')];
    const { code, error } = await runCutpoint('report', join(folder, 'other.json'), ...args);
    expect(code).toBe(2);
    expect(error).toContain('error[options-invalid]');
  });

  it('names the alerts and pages that there are', async () => {
    const text = await readFile(new URL('../../../docs/gateway.md', import.meta.url), 'utf8');
    const alerts = [...text.matchAll(/\| (Cutpoint\w+) \| \[([\w-]+)\]/g)].map(([, alert, page]) => [
      alert,
      page,
    ]);
    expect(RUNBOOKS).toEqual(alerts);
  });
});
