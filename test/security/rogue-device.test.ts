/**
 * A device with a login and a key of its own tries everything against the others: it reads nothing, answers nobody, steals
 * nothing, runs nothing. How little it slows them is measured: `npm run -s bench -- rogue`.
 */
import mqtt from 'mqtt';
import { afterEach, describe, expect, test } from 'vitest';
import { mosquittoMissing } from '../support/mosquitto.ts';
import { type Fence, type FencedWorld, openFencedWorld } from './fenced-world.ts';
import { runRogue } from './rogue.ts';
import { MARKER } from './rogue-attempts.ts';

/** `CUTPOINT_ROGUE_ATTEMPTS`: an hour's worth at ten a second in the nightly run. */
const ATTEMPTS = Number(process.env.CUTPOINT_ROGUE_ATTEMPTS ?? 420);
const SEED = Number(process.env.CUTPOINT_SEED ?? 1);
/** What the gateway answers the rogue with; that a message comes too often is no error. */
const EXPECTED_CODES = [
  ...['encryption-required', 'codec-invalid', 'message-invalid', 'payload-too-large', 'overloaded'],
  ...['decryption-failed', 'request-replayed'],
];

const FENCES: readonly { readonly fence: Fence; readonly skip: string | undefined }[] = [
  { fence: 'mosquitto', skip: mosquittoMissing() },
  { fence: 'embedded', skip: undefined },
];

describe.each(FENCES)(`a rogue device on $fence (seed ${SEED})`, ({ fence, skip }) => {
  let world: FencedWorld | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  test.skipIf(skip !== undefined)(
    'reads nothing, answers nobody, steals nothing',
    { timeout: Math.max(60_000, ATTEMPTS * 20) },
    async () => {
      world = await openFencedWorld(fence);
      const { url, logins, rogueKey } = world;
      const witnesses = await Promise.all([
        witness(url, logins.honest, ['cutpoint/dev/honest/rep', 'cutpoint/gw/+/st']),
        witness(url, logins.gw, ['cutpoint/gw/gw/req/+', 'cutpoint/hello/+']),
      ]);
      let over = false;
      const rogue = runRogue({ url, ...logins.rogue, key: rogueKey, count: ATTEMPTS, seed: SEED }).finally(
        () => {
          over = true;
        },
      );
      let answers = 0;
      while (!over) {
        expect(await world.isAnswered()).toBe(true);
        answers += 1;
      }
      const report = await rogue;
      expect(report).toMatchObject({ granted: [], heard: [], ranRequests: 0, loggedInAs: [] });
      expect(report.attempts).toBeGreaterThanOrEqual(ATTEMPTS);
      expect(Object.keys(report.codes).filter((code) => !EXPECTED_CODES.includes(code))).toEqual([]);
      expect(answers).toBeGreaterThan(0);
      const [honest, gateway] = await Promise.all(witnesses.map((one) => one.end()));
      expect(honest?.forged).toEqual([]);
      // The rogue may write to its own topics only.
      expect(gateway?.forged.filter((topic) => !topic.endsWith('/rogue'))).toEqual([]);
      // They heard what they should: else they would prove nothing.
      expect(honest?.count).toBeGreaterThan(0);
      expect(gateway?.forged.length).toBeGreaterThan(0);
      // Nothing is left behind: the honest device is answered as before.
      expect(await world.isAnswered()).toBe(true);
    },
  );
});

test.skipIf(mosquittoMissing() !== undefined)(
  'without rights the same attempts get through: they are real ones',
  { timeout: 60_000 },
  async () => {
    const world = await openFencedWorld('none');
    try {
      const { url, logins, rogueKey } = world;
      const hears = witness(url, logins.honest, ['cutpoint/dev/honest/rep']);
      const report = await runRogue({ url, ...logins.rogue, key: rogueKey, count: 105, seed: SEED });
      expect(report.granted.length).toBeGreaterThan(3);
      expect(report.heard.length).toBeGreaterThan(0);
      expect((await (await hears).end()).forged.length).toBeGreaterThan(0);
    } finally {
      await world.close();
    }
  },
);

/** Hears what a login may hear, and notes what was forged. */
async function witness(url: string, login: object, filters: readonly string[]) {
  const client = await mqtt.connectAsync(url, { ...login });
  const heard = { count: 0, forged: [] as string[] };
  client.on('message', (topic, payload) => {
    heard.count += 1;
    if (payload.includes(MARKER)) heard.forged.push(topic);
  });
  const granted = await client.subscribeAsync([...filters]);
  expect(granted.every(({ qos }) => qos < 128)).toBe(true);
  return {
    end: async () => {
      await client.endAsync(true);
      return heard;
    },
  };
}
