/** A device that has a login of its own and uses it against the others, as fast as it is told to. */
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import { decodeEnvelope } from '../../sdk/src/protocol/envelope.ts';
import { type Announcement, decodeAnnouncement } from '../../sdk/src/protocol/v1/announcement.ts';
import { seededRandom } from '../../sdk/src/testing/random.ts';
import { type Attempt, makeAttempts } from './rogue-attempts.ts';

export interface RogueOptions {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly key: { readonly keyId: string; readonly key: string };
  readonly count: number;
  readonly seed: number;
  /** Attempts a second; as many as go without. */
  readonly perSecond?: number;
}

export interface RogueReport {
  attempts: number;
  readonly byKind: Record<string, number>;
  /** Filters that were granted and are not its own. */
  readonly granted: string[];
  /** Topics that it heard and that are not its own. */
  readonly heard: string[];
  /** Results with content: its requests were run. */
  ranRequests: number;
  /** Error codes of the gateway. */
  readonly codes: Record<string, number>;
  /** Logins as somebody else that were taken. */
  readonly loggedInAs: string[];
}

const LANES = 8;
const REPLIES = 'cutpoint/dev/rogue/rep';
const STATUS = 'cutpoint/gw/+/st';

export async function runRogue(options: RogueOptions): Promise<RogueReport> {
  const report: RogueReport = {
    ...{ attempts: 0, byKind: {}, granted: [], heard: [], ranRequests: 0, codes: {}, loggedInAs: [] },
  };
  const announcement = await firstAnnouncement(options);
  const random = seededRandom(options.seed);
  const attempts = await makeAttempts({ announcement, key: options.key }, random);
  const startMs = performance.now();
  const lane = async (_: unknown, number: number) => {
    let client: MqttClient | undefined;
    while (report.attempts < options.count) {
      const at = report.attempts++;
      if (options.perSecond)
        await sleep(Math.max(0, startMs + (at * 1000) / options.perSecond - performance.now()));
      const make = attempts[at % attempts.length];
      const attempt = make?.();
      if (!attempt) return;
      report.byKind[attempt.kind] = (report.byKind[attempt.kind] ?? 0) + 1;
      if (attempt.connectAs) await tryLogin(options, attempt.connectAs, report);
      else {
        // One of them hears the answers: eight would be eight times the broker's work.
        if (!client?.connected) client = await connect(options, report, number === 0);
        await tryOne(client, attempt, report);
      }
    }
    await client?.endAsync(true);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return report;
}

/** One for each connection, however often it is waited for. */
const closings = new WeakMap<MqttClient, Promise<void>>();

function closedOf(client: MqttClient): Promise<void> {
  const known = closings.get(client) ?? new Promise<void>((resolve) => client.once('close', () => resolve()));
  closings.set(client, known);
  return known;
}

async function connect(
  options: RogueOptions,
  report: RogueReport,
  hearsReplies: boolean,
): Promise<MqttClient> {
  const { url, username, password } = options;
  const client = await mqtt.connectAsync(url, {
    username,
    password,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
  });
  client.on('error', () => {});
  client.on('message', (topic, payload) => hear(topic, payload, report));
  if (hearsReplies) await client.subscribeAsync(REPLIES).catch(() => {});
  return client;
}

async function tryOne(client: MqttClient, attempt: Attempt, report: RogueReport): Promise<void> {
  const closed = closedOf(client);
  if (attempt.subscribe !== undefined && (await isGranted(client, attempt.subscribe, closed)))
    report.granted.push(attempt.subscribe);
  if (attempt.publish) {
    const { topic, payload, retain = false } = attempt.publish;
    client.publish(topic, Buffer.from(payload), { qos: 0, retain });
    // Its answer comes after whatever the broker made of the message; or the connection is gone.
    await Promise.race([closed, client.unsubscribeAsync('cutpoint/nothing').catch(() => {})]);
  }
}

async function isGranted(client: MqttClient, filter: string, closed: Promise<void>): Promise<boolean> {
  const granted = client.subscribeAsync(filter, { qos: 0 }).then(
    (all) => all.every(({ qos }) => qos < 128),
    () => false,
  );
  return await Promise.race([granted, closed.then(() => false)]);
}

/** With another's client id it may log in as itself; that must hurt nobody, and the honest device's answers tell. */
async function tryLogin(
  { url, password }: RogueOptions,
  as: NonNullable<Attempt['connectAs']>,
  report: RogueReport,
): Promise<void> {
  const isItself = as.username === 'rogue';
  const login = { ...as, password: isItself ? password : as.password };
  const client = mqtt.connect(url, { ...login, reconnectPeriod: 0, connectTimeout: 10_000 });
  const how = await new Promise<string>((resolve) => {
    client.once('connect', () => resolve('connect'));
    client.once('error', () => resolve('error'));
    client.once('close', () => resolve('close'));
  });
  if (how === 'connect' && !isItself) report.loggedInAs.push(as.username);
  client.on('error', () => {});
  await client.endAsync(true);
}

function hear(topic: string, payload: Buffer, report: RogueReport): void {
  if (topic !== REPLIES) report.heard.push(topic);
  try {
    const header = decodeEnvelope(payload).header as { t?: string; code?: string };
    if (header.t === 'result') report.ranRequests += 1;
    if (header.t === 'error') report.codes[header.code ?? ''] = (report.codes[header.code ?? ''] ?? 0) + 1;
  } catch {
    report.heard.push(`${topic}: no envelope`);
  }
}

async function firstAnnouncement({ url, username, password }: RogueOptions): Promise<Announcement> {
  const client = await mqtt.connectAsync(url, { username, password, reconnectPeriod: 0 });
  try {
    return await new Promise((resolve, reject) => {
      client.on('message', (_, payload) => {
        const { header, payload: body } = decodeEnvelope(payload);
        const { gateway } = header as { gateway: string };
        resolve(decodeAnnouncement(gateway, body));
      });
      client.subscribeAsync(STATUS).catch(reject);
    });
  } finally {
    await client.endAsync(true);
  }
}
