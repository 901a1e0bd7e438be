/** Alerts and dashboard ask for what the gateway really measures, and each alert leads to its runbook. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createGatewayEvents } from '../../cloud-gateway/src/events.ts';
import { createMetrics } from '../../cloud-gateway/src/metrics/metrics.ts';

const root = resolve(import.meta.dirname, '../..');
const files = resolve(root, 'cloud-gateway/deploy/helm/cutpoint-gateway/files');
const RUNBOOKS = resolve(root, 'docs/runbooks');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}
interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const rules = (
  parse(readFileSync(`${files}/alerts.yaml`, 'utf8')) as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(readFileSync(`${files}/dashboard.json`, 'utf8')) as {
  panels: readonly Panel[];
};

/** Names of all series, from the registry itself: what was not counted yet has its name there already. */
async function measured(): Promise<ReadonlySet<string>> {
  const queue = { length: 0, expectedWaitMs: 0, congestionPrice: 0 };
  const build = { version: '1', node: '1', onnxruntime: '1' };
  const metrics = createMetrics({ events: createGatewayEvents(), queue, build });
  const types = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  metrics.close();
  const series = types.flatMap(([, name, type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name as string],
  );
  return new Set(['up', ...series]);
}

/** Names that stand before a brace or a comparison: neither functions nor labels. */
function namesIn(expr: string): readonly string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\{[^}]*\}/g, '{}')
    .replaceAll(/\b(by|on|group_left)\s*(\([^)]*\))?/g, '');
  return [...bare.matchAll(/\b([a-z_]{2,}[a-z0-9_]*)\b(?!\s*\()/g)]
    .map(([, name]) => name as string)
    .filter((name) => name !== 'offset');
}

describe.each(rules)('the alert $alert', ({ alert, expr, labels, annotations }) => {
  it('asks for what is measured', async () => {
    const known = await measured();
    const names = namesIn(expr);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it('has a severity, a sentence, and a runbook that is about it', () => {
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(annotations.summary).toMatch(/\w/);
    expect(readFileSync(resolve(root, annotations.runbook_url), 'utf8')).toMatch(new RegExp(`^# ${alert}\n`));
  });
});

it('every runbook belongs to an alert', () => {
  const wanted = rules.map(({ annotations }) => annotations.runbook_url.replace('docs/runbooks/', ''));
  expect(readdirSync(RUNBOOKS).toSorted()).toEqual(wanted.toSorted());
});

it.each(
  panels.map(({ title, targets }) => [title, targets] as const),
)('the panel "%s" asks for what is measured', async (_title, targets) => {
  const known = await measured();
  for (const { expr } of targets) expect(namesIn(expr).filter((name) => !known.has(name))).toEqual([]);
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
it.skipIf(!hasPromtool)('promtool finds nothing wrong with the rules, and they fire when they should', () => {
  execFileSync('promtool', ['check', 'rules', `${files}/alerts.yaml`]);
  execFileSync('promtool', ['test', 'rules', resolve(import.meta.dirname, 'alerts.yaml')]);
});
