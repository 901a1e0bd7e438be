/** Gateways that a device's policy must never let it ask: each breaks one thing, and would take whatever it is sent. */
import { sign } from 'node:crypto';
import { SplitError, systemClock } from '@cutpoint/sdk';
import { generateSigningKeys, readPrivateKey } from '@cutpoint/sdk/bundle';
import {
  type AnnouncementBody,
  createGatewaySeal,
  createRequestServer,
  decodeEnvelope,
  type GatewayDescriptor,
  type RequestServer,
  type SignedDescriptor,
  signDescriptor,
  type Transport,
} from '@cutpoint/sdk/gateway';
import { dsseBytes } from '../../sdk/src/bundle/dsse.ts';
import { DESCRIPTOR_TYPE } from '../../sdk/src/placement/descriptor.ts';

export const OPERATOR = generateSigningKeys();
const STRANGER = generateSigningKeys();
const MINUTE_MS = 60_000;

/** What the devices' policy allows, and all that these gateways break. */
export const STRICT = {
  placement: {
    activations: ['eu-1'],
    parameters: ['eu-1', 'eu-2'],
    providers: ['own'],
    retentionMs: 1000,
    encryption: 'required',
    clockSkewMs: MINUTE_MS,
  },
};

export type Claim = Pick<AnnouncementBody, 'region' | 'descriptor'> & { readonly hasNoSeal?: boolean };

export interface Hostile {
  readonly id: string;
  /** Reasons in the device's log. */
  readonly reason: string;
  readonly claim: Claim;
  /** What it shows first, which is in order. */
  readonly before?: Claim;
}

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * MINUTE_MS).toISOString();
const good = (gateway: string, more: Partial<GatewayDescriptor> = {}) => ({
  ...{ gateway, region: 'eu-1', provider: 'own', retentionMs: 1000, counter: 7 },
  ...{ notBefore: inMinutes(-60), notAfter: inMinutes(60) },
  ...more,
});
const signed = (gateway: string, more: Partial<GatewayDescriptor> = {}, key = OPERATOR) =>
  signDescriptor(good(gateway, more), key.privateKey);
export const honestClaim = (gateway: string): Claim => ({ region: 'eu-1', descriptor: signed(gateway) });

interface Forgery {
  readonly type?: string;
  readonly key?: typeof OPERATOR;
  /** Said instead of the key's own. */
  readonly keyId?: string;
}

/** Any text, signed as descriptors are, or for another purpose. */
function signedText(
  text: string,
  { type = DESCRIPTOR_TYPE, key = OPERATOR, keyId }: Forgery = {},
): SignedDescriptor {
  const bytes = dsseBytes(type, new TextEncoder().encode(text));
  const signature = sign(null, bytes, readPrivateKey(key.privateKey).key).toString('base64');
  return { text, signatures: [{ keyId: keyId ?? key.keyId, signature }] };
}

function textOf(gateway: string, more: object): string {
  return JSON.stringify({ format: 'cutpoint-gateway', formatVersion: 1, ...good(gateway), ...more });
}

export function hostileGateways(): readonly Hostile[] {
  const withText = (id: string, edit: (text: string) => string): Claim => {
    const { text, signatures } = signed(id, { region: 'us-1' });
    return { descriptor: { text: edit(text), signatures } };
  };
  const row = (id: string, reason: string, claim: Claim, before?: Claim): Hostile => ({
    id,
    reason,
    claim,
    ...(before && { before }),
  });
  const shows = (id: string, reason: string, more: Partial<GatewayDescriptor>) =>
    row(id, reason, { descriptor: signed(id, more) });
  const BUNDLE_TYPE = 'application/vnd.cutpoint.bundle.v1+json';
  return [
    row('no-descriptor', 'descriptor-missing', { region: 'eu-1' }),
    row('says-nothing', 'descriptor-missing', {}),
    shows('wrong-region', 'activations, parameters', { region: 'us-1' }),
    shows('parameters-only', 'activations', { region: 'eu-2' }),
    shows('region-in-capitals', 'activations, parameters', { region: 'EU-1' }),
    shows('region-with-blank', 'activations, parameters', { region: 'eu-1 ' }),
    shows('region-in-cyrillic', 'activations, parameters', { region: '\u0435u-1' }),
    row('says-other-region', 'region-differs', { region: 'us-1', descriptor: signed('says-other-region') }),
    shows('wrong-provider', 'providers', { provider: 'rented' }),
    shows('no-provider', 'providers', { provider: undefined }),
    shows('keeps-too-long', 'retentionMs', { retentionMs: 1001 }),
    shows('keeps-for-ever', 'retentionMs', { retentionMs: undefined }),
    row('in-the-clear', 'encryption', { descriptor: signed('in-the-clear'), hasNoSeal: true }),
    row('forged-by-stranger', 'signature', { descriptor: signed('forged-by-stranger', {}, STRANGER) }),
    row('forged-under-our-key-id', 'signature', {
      descriptor: signedText(textOf('forged-under-our-key-id', {}), { key: STRANGER, keyId: OPERATOR.keyId }),
    }),
    row(
      'forged-region',
      'signature',
      withText('forged-region', (text) => text.replace('us-1', 'eu-1')),
    ),
    row(
      'forged-with-blank',
      'signature',
      withText('forged-with-blank', (text) => `${text} `),
    ),
    row('signature-of-nothing', 'signature', {
      descriptor: {
        ...signed('x'),
        text: textOf('signature-of-nothing', {}),
        signatures: [{ keyId: OPERATOR.keyId, signature: '' }],
      },
    }),
    row('signed-as-bundle', 'signature', {
      descriptor: signedText(textOf('signed-as-bundle', {}), { type: BUNDLE_TYPE }),
    }),
    row('descriptor-of-another', 'other-gateway', { descriptor: signed('somebody-else') }),
    shows('expired', 'expired', { notAfter: inMinutes(-30) }),
    shows('expired-beyond-skew', 'expired', { notAfter: inMinutes(-1.2) }),
    shows('not-yet-valid', 'not-yet-valid', { notBefore: inMinutes(30) }),
    shows('not-yet-valid-beyond-skew', 'not-yet-valid', { notBefore: inMinutes(1.5) }),
    row('not-json', 'descriptor-unreadable', { descriptor: signedText('eu-1') }),
    row('other-version', 'descriptor-unreadable', {
      descriptor: signedText(textOf('other-version', { formatVersion: 2 })),
    }),
    row('ends-before-it-begins', 'descriptor-unreadable', {
      descriptor: signedText(textOf('ends-before-it-begins', { notAfter: inMinutes(-90) })),
    }),
    row('with-unknown-field', 'descriptor-unreadable', {
      descriptor: signedText(textOf('with-unknown-field', { regions: ['eu-1'] })),
    }),
    row(
      'rolled-back',
      'rolled-back',
      { descriptor: signed('rolled-back', { counter: 6 }) },
      honestClaim('rolled-back'),
    ),
    row(
      'moves-away',
      'activations, parameters',
      { descriptor: signed('moves-away', { region: 'us-1', counter: 8 }) },
      honestClaim('moves-away'),
    ),
    row('stops-showing', 'descriptor-missing', { region: 'eu-1' }, honestClaim('stops-showing')),
  ];
}

export interface HostileServers {
  /** All show what they hide at first. */
  turn(): Promise<void>;
  /** One that keeps the policy. */
  addHonest(id: string, key: Uint8Array<ArrayBuffer>): Promise<void>;
  /** One that keeps it, and the requests that it gets. @returns how it moves away */
  addSlow(id: string, key: Uint8Array<ArrayBuffer>): Promise<() => Promise<void>>;
  /** Messages with payload that devices sent, by gateway. */
  readonly received: ReadonlyMap<string, number>;
  /** Gateways that requests to these ones named for the stages behind them. */
  readonly named: ReadonlySet<string>;
  stop(): Promise<void>;
}

/** @param models what all of them say they serve */
export async function startHostile(
  transport: Transport,
  namespace: string,
  models: AnnouncementBody['models'],
): Promise<HostileServers> {
  const received = new Map<string, number>();
  const named = new Set<string>();
  const servers: RequestServer[] = [];
  const ids = new Set<string>();
  let hasTurned = false;
  await transport.subscribe(`${namespace}/gw/+/req/+`, (topic, bytes) => {
    const { t, route = [] } = decodeEnvelope(bytes).header as {
      readonly t: string;
      readonly route?: readonly { readonly gateways?: readonly string[] }[];
    };
    const gateway = topic.split('/')[2] ?? '';
    if (!ids.has(gateway)) return;
    for (const { gateways = ['anybody'] } of route) for (const one of gateways) named.add(one);
    if (t === 'request' || t === 'part') received.set(gateway, (received.get(gateway) ?? 0) + 1);
  });

  async function start(
    id: string,
    claim: () => Claim,
    key?: Uint8Array<ArrayBuffer>,
    handle: () => Promise<never> = () => Promise.reject(new SplitError('runtime-failed', 'it only looks')),
  ): Promise<RequestServer> {
    ids.add(id);
    const seal = createGatewaySeal({ policy: 'optional', findKey: () => key, randomId: () => 'e1' });
    const server = createRequestServer({
      ...{ transport, gatewayId: id, namespace, clock: systemClock() },
      seal: claim().hasNoSeal ? undefined : seal,
      announce: () => {
        const { region, descriptor } = claim();
        return {
          state: 'ready',
          models,
          maxPayloadBytes: 1 << 20,
          forwards: true,
          ...(region !== undefined && { region }),
          descriptor,
        };
      },
      handle,
    });
    servers.push(server);
    await server.start();
    return server;
  }

  for (const { id, claim, before } of hostileGateways())
    await start(id, () => (before && !hasTurned ? before : claim));
  return {
    received,
    named,
    turn: async () => {
      hasTurned = true;
      await Promise.all(servers.map((server) => server.announce()));
    },
    async addHonest(id, key) {
      await start(id, () => honestClaim(id), key);
    },
    async addSlow(id, key) {
      let hasMoved = false;
      const claim = () =>
        hasMoved ? { descriptor: signed(id, { region: 'us-1', counter: 8 }) } : honestClaim(id);
      const server = await start(id, claim, key, () => new Promise(() => undefined));
      return async () => {
        hasMoved = true;
        await server.announce();
      };
    },
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
