/** What a device with a login of its own can try against others, each kind as the bytes it sends. */

import { encodeEnvelope } from '../../sdk/src/protocol/envelope.ts';
import type { Announcement } from '../../sdk/src/protocol/v1/announcement.ts';
import { createDeviceSeal } from '../../sdk/src/transport/device-seal.ts';

export interface Attempt {
  readonly kind: string;
  readonly subscribe?: string;
  readonly publish?: { readonly topic: string; readonly payload: Uint8Array; readonly retain?: boolean };
  readonly connectAs?: { readonly clientId: string; readonly username: string; readonly password: string };
}

/** What the rogue may know: names stand in topics, and a gateway announces itself to everyone. */
export interface Knowledge {
  readonly announcement: Announcement;
  readonly key: { readonly keyId: string; readonly key: string };
}

/** Is in everything forged, so that a witness knows it. */
export const MARKER = 'forged-by-rogue';

const OWN = 'cutpoint/gw/gw/req/rogue';
const FOREIGN_FILTERS = [
  ...['#', '+/#', 'cutpoint/#', 'cutpoint/dev/+/rep', 'cutpoint/dev/honest/rep', 'cutpoint/dev/#'],
  ...['cutpoint/gw/gw/req/+', 'cutpoint/gw/+/req/honest', 'cutpoint/hello/+', 'cutpoint/+/+/+', '$SYS/#'],
  ...['$CONTROL/#', 'cutpoint/gw/#', '+/+/honest/+'],
];
const SHARED_FILTERS = [
  ...['$share/g/cutpoint/gw/gw/req/+', '$share/gw/#', '$share/g/cutpoint/dev/honest/rep'],
  ...['$share/g/cutpoint/dev/rogue/rep', '$share/g/cutpoint/hello/+', '$queue/cutpoint/gw/gw/req/+'],
];
const marked = new TextEncoder().encode(MARKER.repeat(20));

/** @param random 0 to 1 */
export async function makeAttempts(
  know: Knowledge,
  random: () => number,
): Promise<readonly (() => Attempt)[]> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const id = () => `r${Math.floor(random() * 1e12)}`;
  const part = (totalBytes: number, parts: number, at = 0) => ({
    ...{ part: at, parts, totalBytes, attempt: 1, windowBytes: 65_536 },
  });
  const request = (more: object = {}) => ({
    ...{
      v: 1,
      t: 'request',
      id: id(),
      model: 'net',
      digest: know.announcement.models[0]?.digest,
      cut: 'input',
    },
    ...{ tensors: [{ name: 'input', bytes: marked.length }], fetches: ['output'], replyProfile: 'float32' },
    ...{ deadlineMs: 5_000, ...part(marked.length, 1), ...more },
  });
  const to = (topic: string, header: object, payload: Uint8Array = marked) => ({
    publish: { topic, payload: encodeEnvelope(header, [payload]), retain: random() < 0.2 },
  });
  const raw = (header: Uint8Array, claimed = header.length) => {
    const payload = new Uint8Array(4 + header.length);
    new DataView(payload.buffer).setUint32(0, claimed, true);
    payload.set(header, 4);
    return { publish: { topic: OWN, payload } };
  };
  const forgedResult = () => ({
    ...{ v: 1, t: 'result', id: id(), gateway: 'gw', tensors: [{ name: 'output', bytes: marked.length }] },
    ...{
      queueMs: 0,
      decodeMs: 0,
      tailMs: 0,
      encodeMs: 0,
      firstArrivalMs: 0,
      lastArrivalMs: 0,
      laterBytes: 0,
    },
    ...{ repliedMs: 0, ...part(marked.length, 1) },
  });
  const sealed = await sealedRequest(know, request());
  const attempts: Readonly<Record<string, () => Omit<Attempt, 'kind'>>> = {
    'filters of others': () => ({ subscribe: pick(FOREIGN_FILTERS) }),
    'shared subscriptions': () => ({ subscribe: pick(SHARED_FILTERS) }),
    'forged replies': () => to('cutpoint/dev/honest/rep', forgedResult()),
    'forged errors': () =>
      to('cutpoint/dev/honest/rep', {
        v: 1,
        t: 'error',
        id: id(),
        gateway: 'gw',
        code: 'internal',
        message: MARKER,
      }),
    "requests in another's name": () => to('cutpoint/gw/gw/req/honest', request()),
    'cancels in another’s name': () => to('cutpoint/gw/gw/req/honest', { v: 1, t: 'cancel', id: id() }),
    'forged announcements': () =>
      to(pick(['cutpoint/gw/gw/st', 'cutpoint/gw/evil/st', 'cutpoint/gw/rogue/st']), {
        v: 1,
        t: 'announcement',
        gateway: 'gw',
      }),
    'topics of the broker': () =>
      to(pick(['$CONTROL/dynamic-security/v1', '$SYS/broker/version', 'cutpoint/hello/honest']), {
        v: 1,
        t: 'hello',
      }),
    'a replay of its own': () => ({ publish: { topic: OWN, payload: sealed } }),
    'in the clear': () => to(OWN, request()),
    'a wrong digest': () => to(OWN, request({ digest: '0'.repeat(64) })),
    'claims of a terabyte': () => to(OWN, request(part(2 ** 40, 2 ** 24))),
    'messages that never end': () => to(OWN, request(part(60 * 2 ** 20, 960)), new Uint8Array(65_536)),
    'a packet that is too large': () => to(OWN, request(), new Uint8Array(1_500_000)),
    'a header that claims 4 GiB': () => raw(new Uint8Array(100), 2 ** 32 - 1),
    'a bignum': () =>
      raw(Uint8Array.from([0xa1, 0x61, 0x76, 0xc2, 0x59, 0x0f, 0xa0, ...new Uint8Array(4_000).fill(255)])),
    'nesting without end': () => raw(new Uint8Array(4_096).fill(0x81)),
    'an array of 2^32 items': () => raw(Uint8Array.from([0xa1, 0x61, 0x76, 0x9a, 255, 255, 255, 255])),
    noise: () => raw(Uint8Array.from({ length: 200 }, () => Math.floor(random() * 256))),
    'the name of another connection': () => ({
      connectAs: { clientId: pick(['gw', 'honest', 'honest-0']), username: 'rogue', password: '' },
    }),
    'a guessed password': () => ({
      connectAs: { clientId: id(), username: pick(['gw', 'honest']), password: 'a guess of sixteen' },
    }),
  };
  return Object.entries(attempts).map(([kind, make]) => () => ({ kind, ...make() }));
}

/** Good in all but its content: sent twice, it is a replay. */
async function sealedRequest({ announcement, key }: Knowledge, request: Record<string, unknown>) {
  const seal = createDeviceSeal(key, 'roguesalt');
  const fields = { ...request, device: 'rogue', gateway: 'gw' } as never;
  const closed = await seal.close(fields, announcement.seal?.epoch ?? 'none', [marked]);
  const whole = { totalBytes: closed.payload.length, seal: closed.seal };
  return encodeEnvelope({ ...request, ...whole }, [closed.payload]);
}
