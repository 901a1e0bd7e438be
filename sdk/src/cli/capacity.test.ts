import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCutpoint } from '../../../test/support/run-cutpoint.ts';
import { twoMachinePlan } from '../../../test/support/two-machine-plan.ts';

const FLEET = `
name: cameras & <gates>
slo: { p95Ms: 450 }
headroom: 0.25
regions: [{ name: eu }, { name: us, gateways: 5 }]
gateway: { slowdown: 4, executorMemoryMb: 400, maxBatch: 8, keepVersions: 1, batches: [{ size: 2, share: 0.8 }] }
prices: { perGatewayHour: 0.5, perGigabyte: 0.05, perDeviceHour: 0.001, currency: EUR }
classes:
  - { name: gates, plan: plan.json, devices: 120, everySeconds: 4, region: eu, weightsMb: 200, activationsMb: 5, link: { trace: bus.txt, roundTripMs: 20 } }
  - { name: streets, plan: plan.json, devices: 80, everySeconds: 4, region: us, weightsMb: 200, arrivals: periodic, link: { uplinkMbps: 8, roundTripMs: 20 } }
`;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-capacity-'));
  await writeFile(join(folder, 'plan.json'), twoMachinePlan());
  const lines = Array.from({ length: 30 }, (_, i) => `${i} ${i % 10 < 5 ? 8 : 4}`);
  await writeFile(join(folder, 'bus.txt'), lines.join('\n'));
  await writeFile(join(folder, 'fleet.yaml'), FLEET);
  await writeFile(
    join(folder, 'hard.yaml'),
    FLEET.replace('p95Ms: 450', 'p95Ms: 90').replace('Mb: 400', 'Mb: 220'),
  );
  await writeFile(join(folder, 'wrong.yaml'), FLEET.replace('devices: 120', 'devices: many'));
});
afterAll(() => rm(folder, { recursive: true }));

const capacity = (file: string, ...more: string[]) =>
  runCutpoint('capacity', join(folder, file), '--seconds', '10', ...more);

describe('cutpoint capacity', () => {
  it('answers in its first line, shows the tables, and fits 80 columns', async () => {
    const { code, out } = await capacity('fleet.yaml');
    expect(code).toBe(0);
    expect(out).toMatch(/^200 devices need \d+ gateways in eu and 5 in us: 95 % of the answers come within/);
    for (const word of ['gates', 'streets', 'the cloud alone', 'a gateway dies half way', 'messages/s'])
      expect(out).toContain(word);
    expect(out).toMatch(/^eu +1 +200 +40 +480 +60 +120$/m);
    expect(out).toMatch(/^us +1 +200 +- +400 +50 +100$/m);
    expect(out.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
  });

  it('gives the same JSON every time, in which the laws hold', async () => {
    const [one, two] = [await capacity('fleet.yaml', '--json'), await capacity('fleet.yaml', '--json')];
    expect(one.out).toBe(two.out);
    const report = JSON.parse(one.out);
    expect(report).toMatchObject({ format: 'cutpoint-capacity', isFeasible: true, laws: { lost: 0 } });
    expect(report.regions.map((one: { memory: object }) => one.memory)).toMatchObject([
      { weightsMb: 200, activationsMb: 40, updateMb: 480, share: 0.6, updateShare: 1.2 },
      { weightsMb: 200, share: 0.5, updateShare: 1 },
    ]);
    expect(report.assumptions.join()).toMatch(/Activations of streets are not .*,eu: not all .*120 %/);
    expect(report.laws.littleGap).toBeLessThan(1e-6);
    expect(report.laws.utilisationGap).toBeLessThan(1e-6);
  });

  it('writes a page that stands alone, names escaped', async () => {
    const path = join(folder, 'capacity.html');
    await capacity('fleet.yaml', '--html', path);
    const page = await readFile(path, 'utf8');
    expect(page).toContain('cameras &amp; &lt;gates&gt;');
    expect(page).toContain('Memory that each executor takes, of 400 MiB');
    expect(page).not.toMatch(/<(script|link|img)|src=|@import/);
  });

  it('ends with 1 and says why, where it cannot be had', async () => {
    const { code, out } = await capacity('hard.yaml');
    expect(code).toBe(1);
    expect(out).toMatch(/^Not all can be had/);
    expect(out).toContain('More gateways do');
    expect(out.replaceAll('\n', ' ')).toMatch(
      /! eu: each executor .* 200 MiB of weights and 40 MiB of activations \(gates 240 MiB\), and has 220 MiB\./,
    );
    expect(out).not.toContain('us: each executor');
  });

  it('names the field that is wrong', async () => {
    const { code, error } = await capacity('wrong.yaml');
    expect(code).toBe(2);
    expect(error).toMatch(/error\[options-invalid\]: fleet\.classes\.0\.devices/);
  });
});
