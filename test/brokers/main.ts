/**
 * The same checks on every broker that is installed. Exit code 1 where one that is needed failed.
 *   npm run brokers [-- --write] [-- NAME ...]     --write renews table.md
 *   npm run brokers -- regions                     gateways in two regions on a cluster and on a bridge
 */
import { existsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { TestedBroker, Version } from './broker.ts';
import { CHECKS } from './checks.ts';
import { startEjabberd } from './ejabberd.ts';
import { startEmbedded } from './embedded.ts';
import { startBridged, startBridgedNodes, startFenced } from './mosquitto.ts';
import { startNats, startNatsNodes } from './nats.ts';
import { startRabbitMq } from './rabbitmq.ts';
import { tableOf } from './table.ts';
import { playTwoRegions } from './two-regions.ts';

interface Candidate {
  readonly start: () => Promise<TestedBroker>;
  readonly versions: readonly Version[];
  /** What must be installed, and from which Debian package. */
  readonly program?: readonly [path: string, debian: string];
}

const MOSQUITTO = ['/usr/sbin/mosquitto', 'mosquitto'] as const;
const BROKERS: Readonly<Record<string, Candidate>> = {
  embedded: { start: startEmbedded, versions: [4] },
  mosquitto: { start: startFenced, versions: [4, 5], program: MOSQUITTO },
  rabbitmq: {
    start: startRabbitMq,
    versions: [4],
    program: ['/usr/sbin/rabbitmq-server', 'rabbitmq-server'],
  },
  ejabberd: { start: startEjabberd, versions: [4, 5], program: ['/usr/sbin/ejabberdctl', 'ejabberd'] },
  nats: { start: startNats, versions: [4], program: ['/usr/sbin/nats-server', 'nats-server'] },
  bridge: { start: startBridged, versions: [4, 5], program: MOSQUITTO },
};

export interface Column {
  readonly title: string;
  /** By check. */
  readonly results: Readonly<Record<string, string>>;
}

const { values: flags, positionals } = parseArgs({
  options: { write: { type: 'boolean' } },
  allowPositionals: true,
});
if (positionals.includes('regions')) process.exit(await checkRegions());
const columns: Column[] = [];
const failures: string[] = [];
for (const [name, candidate] of Object.entries(BROKERS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const [path, debian] = candidate.program ?? [];
  if (path !== undefined && !existsSync(path)) failures.push(`${name}: apt-get install ${debian}`);
  else for (const version of candidate.versions) columns.push(await checkOne(candidate, version));
}
const text = tableOf(columns);
console.log(text);
if (flags.write) writeFileSync(new URL('./table.md', import.meta.url), text);
for (const failure of failures) console.error(`failed ${failure}`);
process.exit(failures.length > 0 ? 1 : 0);

async function checkOne({ start }: Candidate, version: Version): Promise<Column> {
  const broker = await start();
  const title = `${broker.name}, MQTT ${version === 4 ? '3.1.1' : '5'}`;
  const results: Record<string, string> = {};
  try {
    for (const { name, isNeeded, run } of CHECKS) {
      const startMs = performance.now();
      const result = await run({ broker, version }).catch((error: unknown) => `failed: ${error}`);
      console.error(`${title}: ${name}: ${result} (${Math.round(performance.now() - startMs)} ms)`);
      results[name] = result.replace(/^failed: .*/s, 'failed');
      if (result.startsWith('failed') || (isNeeded && result === 'no'))
        failures.push(`${title}: ${name}: ${result}`);
    }
  } finally {
    await broker.close();
  }
  return { title, results };
}

/** @returns how many findings were not as they should be */
async function checkRegions(): Promise<number> {
  const worlds = [
    { start: startBridgedNodes, places: { eu: 0, us: 1, device: 1 } },
    { start: startNatsNodes, places: { eu: 0, us: 1, device: 2 } },
  ];
  let wrong = 0;
  for (const { start, places } of worlds) {
    const nodes = await start();
    try {
      for (const [finding, isTrue] of Object.entries(await playTwoRegions(nodes, places))) {
        console.log(`${nodes.name}: ${finding}: ${isTrue ? 'yes' : 'NO'}`);
        if (!isTrue) wrong += 1;
      }
    } finally {
      await nodes.close();
    }
  }
  return wrong;
}
