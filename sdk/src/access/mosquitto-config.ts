/**
 * Mosquitto 2 with its dynamic security plugin, a role for each login. Patterns of an acl_file only filter what is delivered:
 * any subscription would be granted, and a shared one would swallow requests.
 */
import type { ListenAddress } from '../program/listen-address.ts';
import { type BrokerConfigOptions, type ConfigFile, MAX_PACKET_BYTES } from './broker-config.ts';
import { type LoginEntry, loginsOf } from './devices.ts';
import { hashPassword, type PasswordHash, parsePasswordHash } from './password.ts';
import { rightsByLogin, type TopicRights } from './topic-rights.ts';

export interface MosquittoOptions extends BrokerConfigOptions {
  /** Path of mosquitto_dynamic_security.so as the broker sees it. */
  readonly plugin: string;
}

/** The plugin writes its file anew when it is told of changes, so the broker must be able to. */
export async function mosquittoConfig(options: MosquittoOptions): Promise<readonly ConfigFile[]> {
  return [
    { name: 'mosquitto.conf', text: brokerFile(options) },
    { name: 'dynamic-security.json', text: `${JSON.stringify(await securityFile(options), null, 1)}\n` },
  ];
}

function brokerFile({ listen, websocket, tls, plugin, directory }: MosquittoOptions): string {
  const secure = tls === undefined ? [] : [`certfile ${tls.cert}`, `keyfile ${tls.key}`];
  const mutual =
    tls?.ca === undefined
      ? []
      : [`cafile ${tls.ca}`, 'require_certificate true', 'use_identity_as_username true'];
  const listener = ({ host, port }: ListenAddress, more: readonly string[]) => [
    `listener ${port} ${host}`,
    ...more,
    ...secure,
    ...mutual,
    '',
  ];
  return [
    '# Made by `cutpoint broker-config mosquitto`; a later run replaces it.',
    'per_listener_settings false',
    'allow_anonymous false',
    `plugin ${plugin}`,
    `plugin_opt_config_file ${directory}/dynamic-security.json`,
    '# Without it small messages wait 40 ms and more.',
    'set_tcp_nodelay true',
    `max_packet_size ${MAX_PACKET_BYTES}`,
    '# What waits for a client that does not read.',
    'max_queued_messages 1000',
    'max_queued_bytes 67108864',
    'persistence false',
    '',
    ...listener(listen, []),
    ...(websocket === undefined ? [] : listener(websocket, ['protocol websockets'])),
  ].join('\n');
}

async function securityFile({ devices }: MosquittoOptions) {
  const clients = await Promise.all(loginsOf(devices).map(client));
  const roles = [...rightsByLogin(devices)].map(([login, rights]) => ({
    rolename: roleOf(login),
    acls: rules(rights),
  }));
  return {
    defaultACLAccess: {
      publishClientSend: false,
      publishClientReceive: false,
      subscribe: false,
      unsubscribe: true,
    },
    clients,
    groups: [],
    roles,
  };
}

/** Without a password only a certificate logs in. */
async function client(login: LoginEntry) {
  const known = await hashOf(login);
  const secret = known && {
    password: known.hash.toString('base64'),
    salt: Buffer.from(known.salt).toString('base64'),
    iterations: known.iterations,
  };
  return { username: login.id, roles: [{ rolename: roleOf(login.id) }], ...secret };
}

export async function hashOf({ password, passwordHash }: LoginEntry): Promise<PasswordHash | undefined> {
  if (passwordHash !== undefined) return parsePasswordHash(passwordHash);
  return password === undefined ? undefined : await hashPassword(password);
}

function roleOf(login: string): string {
  return `cutpoint-${login}`;
}

/** Literal: the filter as it stands, so that no other one that it covers or that covers it is granted. */
function rules({ publish, subscribe }: TopicRights) {
  const allow = (acltype: string) => (topic: string) => ({ acltype, topic, priority: 0, allow: true });
  return [
    ...publish.map(allow('publishClientSend')),
    ...subscribe.map(allow('subscribeLiteral')),
    ...subscribe.map(allow('publishClientReceive')),
  ];
}
