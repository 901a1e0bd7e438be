/** Holds docs/architecture.md true: which room may import which, and what the pure rooms may not touch. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const sdk = resolve(root, 'sdk/src');

/** For each room of the SDK, the rooms that its files may import besides their own. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  onnx: [],
  cut: ['onnx'],
  source: ['onnx'],
  codec: [],
  protocol: [],
  transport: ['protocol'],
  access: ['transport', 'protocol', 'program'],
  runtime: ['cut', 'onnx'],
  audit: ['bundle'],
  placement: ['audit', 'bundle', 'planner', 'protocol'],
  leakage: ['profiler', 'runtime', 'cut', 'codec'],
  parallel: ['runtime', 'cut', 'onnx'],
  serving: [],
  planner: ['cut', 'codec'],
  profiler: ['planner', 'runtime', 'cut', 'codec', 'onnx'],
  adaptive: ['planner'],
  capacity: ['adaptive', 'serving', 'planner', 'transport', 'protocol'],
  tracing: [],
  session: [
    'adaptive',
    'audit',
    'leakage',
    'placement',
    'planner',
    'cut',
    'onnx',
    'source',
    'codec',
    'transport',
    'runtime',
    'tracing',
  ],
  testing: ['transport', 'protocol'],
  verify: ['runtime', 'cut', 'codec', 'source'],
  report: [],
  bundle: [],
  oip: [],
  cli: [
    'assets',
    'audit',
    'bundle',
    'leakage',
    'parallel',
    'placement',
    'verify',
    'report',
    'profiler',
    'session',
    'planner',
    'runtime',
    'source',
    'codec',
    'cut',
    'onnx',
    'adaptive',
    'capacity',
    'testing',
    'access',
    'program',
  ],
  web: ['session', 'runtime', 'transport', 'source', 'codec', 'adaptive', 'planner'],
  assets: ['web'],
  program: [],
};
/** Files at the top of the SDK that any room may import. The doors (node.ts, gateway.ts, ...) may be imported by none. */
const GROUND = ['errors.ts', 'zod.ts', 'tensor.ts', 'tensor-rows.ts', 'quantised.ts', 'clock.ts'];
const PURE = ['onnx', 'cut', 'planner', 'codec', 'protocol', 'serving', 'adaptive', 'capacity'];
/** Adapters: the only files that may know a platform or a foreign package. */
const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  'codec/deflate-node.ts': ['node:zlib'],
  'codec/zstd-node.ts': ['node:zlib'],
};
const PURE_PACKAGES = ['zod', 'cbor-x', '@noble/hashes/sha2.js', '@noble/hashes/utils.js'];

const sources = globSync('**/*.ts', { cwd: sdk }).filter(
  (file) => !file.endsWith('.test.ts') && !/suite(-[a-z]+)?\.ts$/.test(file),
);
const imports = (file: string): string[] =>
  [
    ...readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gms,
    ),
  ].map(([, a, b, c]) => (a ?? b ?? c) as string);

describe('the rooms of the SDK', () => {
  it.each(sources)('%s imports only what its room may', (file) => {
    const room = file.includes('/') ? (file.split('/')[0] as string) : undefined;
    if (room === undefined) return;
    expect(ARROWS[room], `room '${room}' is not in the list of arrows`).toBeDefined();
    const local = imports(resolve(sdk, file)).filter((name) => name.startsWith('.'));
    const targets = local.map((name) => relative(sdk, resolve(sdk, dirname(file), name)));
    const wrong = targets.filter((target) => {
      const to = target.includes('/') ? (target.split('/')[0] as string) : undefined;
      return to === undefined ? !GROUND.includes(target) : to !== room && !ARROWS[room]?.includes(to);
    });
    expect(wrong).toEqual([]);
  });

  it.each(sources.filter((file) => PURE.includes(file.split('/')[0] as string)))('%s is pure', (file) => {
    const foreign = imports(resolve(sdk, file)).filter((name) => !name.startsWith('.'));
    const allowed = [...PURE_PACKAGES, ...(ADAPTERS[file] ?? [])];
    expect(foreign.filter((name) => !allowed.includes(name))).toEqual([]);
    const text = readFileSync(resolve(sdk, file), 'utf8');
    expect(text).not.toMatch(
      /\bDate\.now\(|\bperformance\.now\(|\bMath\.random\(|\bnew Date\(|\bsetTimeout\(|\bprocess\./,
    );
  });

  it('are all drawn in docs/architecture.md', () => {
    const drawn = readFileSync(resolve(root, 'docs/architecture.md'), 'utf8');
    expect(Object.keys(ARROWS).filter((room) => !drawn.includes(`\`${room}/\``))).toEqual([]);
  });
});

describe('the programs', () => {
  const of = (folder: string) =>
    globSync('src/**/*.ts', { cwd: resolve(root, folder) }).map((file) => resolve(root, folder, file));

  it.each([
    ...of('edge-agent'),
    ...of('cloud-gateway'),
  ])('%s uses the SDK through its doors, and not the other program', (file) => {
    const wrong = imports(file).filter((name) => /@cutpoint\/(?!sdk(\/[a-z]+)?$)|\/sdk\/src\//.test(name));
    expect(file.endsWith('.test.ts') ? [] : wrong).toEqual([]);
  });
});
