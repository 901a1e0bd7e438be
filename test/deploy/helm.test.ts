/** The chart: its values obey their schema, its templates read values that are there, the gateway takes the file it writes. */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { readConfigFile } from '../../cloud-gateway/src/config/load.ts';

const chart = resolve(import.meta.dirname, '../../cloud-gateway/deploy/helm/cutpoint-gateway');
const read = (path: string): string => readFileSync(join(chart, path), 'utf8');
const values = parse(read('values.yaml')) as Record<string, unknown>;
const schema = JSON.parse(read('values.schema.json')) as { properties: Record<string, unknown> };

describe('the chart', () => {
  it('has values that obey their schema, which knows no others', () => {
    const { global: _given, ...properties } = schema.properties;
    expect(Object.keys(properties).toSorted()).toEqual(Object.keys(values).toSorted());
    const check = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    expect(check.safeParse(values)).toMatchObject({ success: true });
    expect(check.safeParse({ ...values, replicas: 0 }).success).toBe(false);
    expect(check.safeParse({ ...values, replica: 1 }).success).toBe(false);
  });

  it('reads only values that are there', () => {
    const paths = globSync('templates/*', { cwd: chart }).flatMap((file) =>
      [...read(file).matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, path]) => path as string),
    );
    expect(paths.length).toBeGreaterThan(20);
    const isThere = (path: string) => {
      const found = path
        .split('.')
        .reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], values);
      return found !== undefined;
    };
    expect(paths.filter((path) => !isThere(path))).toEqual([]);
  });

  it('scales by a number, also while nobody asks', () => {
    const [, query] = /query: \|\n\s+(.+)/.exec(read('templates/scaledobject.yaml')) ?? [];
    expect(query).toMatch(/^\(histogram_quantile\(.+\) >= 0\) or vector\(0\)$/);
  });

  it('has room for the files that the configuration names', () => {
    const [containers = '', volumes = ''] = read('templates/deployment.yaml').split(/^ {6}volumes:$/m);
    expect(containers).toContain('.Values.extraVolumeMounts');
    expect(volumes).toContain('.Values.extraVolumes');
  });

  it('writes a file that the gateway takes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-chart-'));
    const path = join(folder, 'gateway.yaml');
    writeFileSync(path, stringify(values.config));
    await expect(readConfigFile(path)).resolves.toEqual(values.config);
    rmSync(folder, { recursive: true });
  });
});

interface Rendered {
  readonly kind: string;
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: object;
        readonly containers: readonly {
          readonly image: string;
          readonly resources: { readonly limits: Record<string, unknown> };
          readonly securityContext: object;
        }[];
      };
    };
  };
}

const hasHelm = spawnSync('helm', ['version']).status === 0;

describe.skipIf(!hasHelm)('helm', () => {
  const render = (...sets: string[]): readonly Rendered[] => {
    const args = [
      'template',
      'demo',
      chart,
      '--kube-version',
      '1.31.0',
      ...sets.flatMap((set) => ['--set', set]),
    ];
    const text = execFileSync('helm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return parseAllDocuments(text).map((document) => document.toJS() as Rendered);
  };
  const deploymentOf = (all: readonly Rendered[]) =>
    all.find(({ kind }) => kind === 'Deployment') as Rendered;

  it('lints it without a complaint', () => {
    execFileSync('helm', ['lint', '--strict', chart], { stdio: 'pipe' });
  });

  it('renders a gateway that may do nothing but serve, and has time to drain', () => {
    const { spec } = deploymentOf(render('config.drainMs=30000')).spec.template;
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(spec.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(spec.terminationGracePeriodSeconds).toBe(5 + 30 + 10);
  });

  it('adds what is asked for', () => {
    const kinds = (all: readonly Rendered[]) => all.map(({ kind }) => kind);
    expect(kinds(render())).not.toContain('ScaledObject');
    const all = render(
      'gpu.enabled=true',
      'gpu.count=2',
      'autoscaling.enabled=true',
      'serviceMonitor.enabled=true',
      'alerts.enabled=true',
      'dashboard.enabled=true',
    );
    expect(kinds(all)).toEqual(
      expect.arrayContaining(['ScaledObject', 'ServiceMonitor', 'PrometheusRule', 'PodDisruptionBudget']),
    );
    const deployment = deploymentOf(all);
    expect(deployment.spec.replicas).toBeUndefined();
    const [container] = deployment.spec.template.spec.containers;
    expect(container?.image).toMatch(/-cuda$/);
    expect(container?.resources.limits).toMatchObject({ 'nvidia.com/gpu': 2, memory: '4Gi' });
  });

  it('mounts the volumes that it is given', () => {
    const [container] = deploymentOf(
      render(
        'extraVolumes[0].name=keys,extraVolumes[0].secret.secretName=release-keys',
        'extraVolumeMounts[0].name=keys,extraVolumeMounts[0].mountPath=/keys',
      ),
    ).spec.template.spec.containers;
    expect(container).toMatchObject({
      volumeMounts: expect.arrayContaining([{ name: 'keys', mountPath: '/keys' }]),
    });
  });

  it.each(['replicas=0', 'config.broker=x', 'gpu.enable=true'])('refuses %s', (set) => {
    expect(() => render(set)).toThrow(/schema/);
  });
});
