/** The broker, from the name to a message that comes back: each step that can fail has its own words. */
import { randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { asSplitError } from '@cutpoint/sdk';
import { connectMqtt, type Transport, withoutLogin } from '@cutpoint/sdk/gateway';
import { agentTopics, DEFAULT_NAMESPACE } from '../fleet/topics.ts';
import { type Login, readLogin } from '../login.ts';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

const LONGEST_MS = 5_000;
/** What the protocol's messages take at the least, and what it likes to send at a time. */
const LEAST_PACKET_BYTES = 8_192;
const USUAL_PACKET_BYTES = 66_560;
const ECHO_BYTES = [100, LEAST_PACKET_BYTES - 512, USUAL_PACKET_BYTES - 512];

export async function checkBroker({ config }: Examination): Promise<readonly Finding[]> {
  const login = await readLogin(config).catch(() => undefined);
  if (login === undefined)
    return [failure('broker', 'its login cannot be read', 'see the certificates and passwordFile')];
  const reach = await checkReach(new URL(config.broker), login);
  if (reach !== undefined) return [reach];
  const connected = await connectBest(config.broker, login);
  if ('finding' in connected) return [connected.finding];
  const { transport, version } = connected;
  try {
    const place = `${withoutLogin(config.broker)} (MQTT ${version})`;
    const device = config.device ?? `doctor-${randomBytes(4).toString('hex')}`;
    const topic = agentTopics(config.namespace ?? DEFAULT_NAMESPACE, device).echo;
    return [ok('broker', place), await checkLimits(transport, topic)];
  } finally {
    await transport.close();
  }
}

const TLS_WORDS: Readonly<Record<string, readonly [string, string]>> = {
  CERT_HAS_EXPIRED: [
    "the broker's certificate has expired",
    'renew it at the broker, or set the clock of this machine',
  ],
  CERT_NOT_YET_VALID: [
    "the broker's certificate is not valid yet",
    'the clock of this machine is behind: timedatectl set-ntp true',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "the broker's certificate is for another name",
    'use the name in the certificate, or have one made for this name',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["the broker's certificate is signed by itself", 'name it in tls.ca'],
  SELF_SIGNED_CERT_IN_CHAIN: ["nobody here trusts the broker's certificate", 'name its authority in tls.ca'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    "nobody here trusts the broker's certificate",
    'name its authority in tls.ca',
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    "nobody here trusts the broker's certificate",
    'name its authority in tls.ca',
  ],
};

const TCP_WORDS: Readonly<Record<string, readonly [string, string]>> = {
  ENOTFOUND: ['its name is not known', 'correct broker:, or the name server'],
  EAI_AGAIN: ['no name server answers', 'check the network: resolvectl status'],
  ECONNREFUSED: ['nobody listens there', 'start the broker, or correct the port in broker:'],
  ETIMEDOUT: ['no answer', 'check network and firewall'],
  EHOSTUNREACH: ['there is no way to it', 'check network and firewall'],
  ENETUNREACH: ['there is no network', 'check the network'],
  EPROTO: ['it speaks no TLS there', 'use mqtt:// instead of mqtts://, or the port for TLS'],
  ERR_SSL_WRONG_VERSION_NUMBER: [
    'it speaks no TLS there',
    'use mqtt:// instead of mqtts://, or the port for TLS',
  ],
};

/** TCP and TLS, whose errors say most. `undefined` when the way is clear. */
async function checkReach(url: URL, { tls }: Login): Promise<Finding | undefined> {
  const isTls = ['mqtts:', 'wss:', 'ssl:'].includes(url.protocol);
  const port =
    Number(url.port) || { 'mqtts:': 8883, 'ssl:': 8883, 'wss:': 443, 'ws:': 80 }[url.protocol] || 1883;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const code = await new Promise<string | undefined>((resolve) => {
    const done = () => {
      resolve(undefined);
      socket.destroy();
    };
    const servername = /^[\d.:]+$/.test(host) ? undefined : host;
    const socket = isTls
      ? connectTls({ host, port, ...tls, ...(servername && { servername }) }, done)
      : connectTcp({ host, port }, done);
    socket.setTimeout(LONGEST_MS, () => {
      resolve('ETIMEDOUT');
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(reasonOf(error)));
  });
  if (code === undefined) return undefined;
  const [what, advice] = TLS_WORDS[code] ??
    TCP_WORDS[code] ?? [code, 'local applications are answered meanwhile'];
  return failure('broker', `${host}:${port}: ${what} (${code})`, advice);
}

/** Node gathers one error for each address of a name. */
function reasonOf(error: NodeJS.ErrnoException): string {
  const [first] = (error as { errors?: NodeJS.ErrnoException[] }).errors ?? [];
  return error.code ?? first?.code ?? error.message;
}

type Connected = { readonly transport: Transport; readonly version: string } | { readonly finding: Finding };

/** MQTT 5 tells its limits; brokers that do not speak it are asked in 3.1.1. */
async function connectBest(url: string, login: Login): Promise<Connected> {
  let refusal = '';
  for (const [protocolVersion, version] of [
    [5, '5'],
    [4, '3.1.1'],
  ] as const) {
    try {
      return {
        transport: await connectMqtt({ url, ...login, protocolVersion, connectTimeoutMs: LONGEST_MS }),
        version,
      };
    } catch (error) {
      refusal = asSplitError(error).message;
    }
  }
  if (/alert (certificate required|bad certificate|unknown ca)/.test(refusal))
    return {
      finding: failure(
        'broker',
        `it does not take this device's certificate, or misses it: ${refusal.trim()}`,
        'name one that its authority has signed in tls: cert and key',
      ),
    };
  const isLogin = /not authori[sz]ed|bad user ?name|password|identifier rejected/i.test(refusal);
  return isLogin
    ? {
        finding: failure(
          'broker',
          `it refuses the login: ${refusal}`,
          'correct username and passwordFile, or the login in broker:',
        ),
      }
    : {
        finding: failure(
          'broker',
          `it takes the connection but speaks no MQTT: ${refusal}`,
          'correct the port in broker:',
        ),
      };
}

/** What it says that it takes, and what it really delivers: some drop what is too large without a word. */
async function checkLimits(transport: Transport, topic: string): Promise<Finding> {
  const told = transport.maxPacketBytes;
  const advice = `raise the broker's limit to ${USUAL_PACKET_BYTES} bytes or more (Mosquitto: max_packet_size, message_size_limit)`;
  if (told < LEAST_PACKET_BYTES)
    return failure(
      'broker limits',
      `it takes packets of ${told} bytes at most; ${LEAST_PACKET_BYTES} are needed`,
      advice,
    );
  for (const bytes of ECHO_BYTES.filter((size) => size + topic.length + 16 <= told)) {
    const problem = await echoProblem(transport, topic, bytes);
    if (problem === undefined) continue;
    if (bytes === ECHO_BYTES[0])
      return failure(
        'broker rights',
        `${problem} on ${topic}`,
        "this device must be allowed its agent's topics: its models as agent in the devices file, or the broker's access list",
      );
    const what = `a message of ${bytes} bytes does not come back, and the broker does not say why`;
    return bytes < USUAL_PACKET_BYTES - 512
      ? failure('broker limits', what, advice)
      : warning('broker limits', what, advice);
  }
  if (told < USUAL_PACKET_BYTES)
    return warning(
      'broker limits',
      `it takes packets of ${told} bytes; messages go out in more parts`,
      advice,
    );
  return ok('broker limits', Number.isFinite(told) ? `packets of ${told} bytes` : 'none told');
}

async function echoProblem(transport: Transport, topic: string, bytes: number): Promise<string | undefined> {
  const payload = randomBytes(bytes);
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      const timer = setTimeout(() => resolve('nothing comes back'), 2_000);
      transport
        .subscribe(topic, (_topic, received) => {
          if (!payload.equals(received)) return;
          clearTimeout(timer);
          resolve(undefined);
        })
        .then(() => transport.publish(topic, payload))
        .catch(reject);
    });
  } catch (error) {
    return asSplitError(error).message;
  }
}
