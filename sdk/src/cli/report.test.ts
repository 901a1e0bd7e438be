import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCutpoint } from '../../../test/support/run-cutpoint.ts';
import { twoMachinePlan } from '../../../test/support/two-machine-plan.ts';
import { RUNBOOKS } from './report-operation.ts';

const FLEET = `
name: gates
slo: { p95Ms: 400 }
regions: [{ name: eu, mayUse: [] }]
prices: { perGatewayHour: 0.5, perGigabyte: 0.05 }
classes:
  - { name: gates, plan: plan.json, devices: 60, everySeconds: 5, link: { uplinkMbps: { p5: 2, p50: 8, p95: 40 }, roundTripMs: 20 } }
`;
const POLICY = 'classes:\n  faces: { regions: [eu], retention: none }\nencryption: required\n';
let folder: string;
let plan: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-report-'));
  plan = twoMachinePlan();
  const leakage = { cuts: [{ cut: 'mixed4 | <b>', psnrDb: 17.25, ssim: 0.61 }] };
  await Promise.all([
    writeFile(join(folder, 'plan.json'), plan),
    writeFile(join(folder, 'fleet.yaml'), FLEET),
    writeFile(join(folder, 'policy.yaml'), POLICY),
    writeFile(join(folder, 'leakage.json'), JSON.stringify(leakage)),
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
    const { code, out } = await report('--leakage', join(folder, 'leakage.json'));
    expect(code).toBe(0);
    const headings = [...out.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      ...['Objectives and limits', 'Candidates and their evidence', 'Chosen bands', 'Switching policy'],
      ...['Fallback ladder', 'Residency', 'Leakage', 'Capacity', 'Costs', 'Watching it'],
      'Assumptions and digests',
    ]);
    expect(out).toContain('| policy.classes.faces.regions | eu | given: policy.yaml |');
    expect(out).toContain('| policy.encryption | required | given: policy.yaml |');
    expect(out).toContain('mixed4 \\| \\<b\\> | 17.3 | 0.610 |');
    for (const text of [plan, FLEET, POLICY]) {
      expect(out).toContain(createHash('sha256').update(text).digest('hex'));
    }
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
