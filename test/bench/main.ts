/**
 * Figures: `npm run -s bench -- SUITE [--json]`. Progress goes to stderr; with --json the last line of stdout is
 * {"suite":…,"figures":{…}}, a flat object of numbers. docs/benchmarks.md keeps the tables.
 */
import { cpus, loadavg, totalmem } from 'node:os';
import { keepAwake } from './awake.ts';

/** A suite measures and gives its figures; names and units are those of docs/benchmarks.md. Some take flags of their own. */
export interface Suite {
  run(progress: (text: string) => void, flags: readonly string[]): Promise<Readonly<Record<string, number>>>;
}

const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  adaptive: async () => (await import('./adaptive/suite.ts')).adaptiveSuite,
  'adaptive-real': async () => (await import('./adaptive/real/suite.ts')).realSuite,
  agent: async () => (await import('./agent/suite.ts')).agentSuite,
  gateway: async () => (await import('./gateway/suite.ts')).gatewaySuite,
  codec: async () => (await import('./codec/suite.ts')).codecSuite,
  paper: async () => (await import('./paper/suite.ts')).paperSuite,
  planner: async () => (await import('./planner/suite.ts')).plannerSuite,
  rogue: async () => (await import('./rogue/suite.ts')).rogueSuite,
  split: async () => (await import('./split/suite.ts')).splitSuite,
  strategies: async () => (await import('./strategies/suite.ts')).strategiesSuite,
  transport: async () => (await import('./transport/suite.ts')).transportSuite,
  web: async () => (await import('./web/suite.ts')).webSuite,
};

const [name, ...flags] = process.argv.slice(2);
const load = name === undefined ? undefined : SUITES[name];
if (load === undefined) {
  console.error(`usage: npm run -s bench -- SUITE [--json]\nsuites: ${Object.keys(SUITES).join(', ')}`);
  process.exit(2);
}
console.error(machine());
const letSleep = keepAwake((text) => console.error(text));
const figures = await (await load()).run((text) => console.error(text), flags);
letSleep();
if (flags.includes('--json')) console.log(JSON.stringify({ suite: name, figures }));
else console.table(Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, { value }])));
process.exit(0);

function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpu?.model ?? 'unknown processor'}, ${cpus().length} cores, ${memory} GiB, Node ${process.version}, load ${loadavg()[0]?.toFixed(2)}`;
}
