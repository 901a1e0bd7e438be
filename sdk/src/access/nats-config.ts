/** One NATS server with JetStream and MQTT, a user with permissions for each login. A cluster adds its `cluster` block. */
import { SplitError } from '../errors.ts';
import { addressText } from '../program/listen-address.ts';
import { type BrokerConfigOptions, type ConfigFile, MAX_PACKET_BYTES } from './broker-config.ts';
import { type LoginEntry, loginsOf } from './devices.ts';
import { rightsByLogin } from './topic-rights.ts';

/** @throws SplitError `options-invalid` for a login of which only a hash is known: NATS reads another kind */
export function natsConfig(options: BrokerConfigOptions): readonly ConfigFile[] {
  const { devices, listen, websocket } = options;
  const rights = rightsByLogin(devices);
  const users = loginsOf(devices).map((login) => {
    const { publish = [], subscribe = [] } = rights.get(login.id) ?? {};
    const permissions = `{ publish: ${subjects(publish)}, subscribe: ${subjects(subscribe)} }`;
    return `    { user: ${quote(login.id)}, ${secretOf(login)}permissions: ${permissions} }`;
  });
  const lines = [
    '# Made by `cutpoint broker-config nats`; a later run replaces it.',
    'server_name: "cutpoint-1"',
    'listen: "127.0.0.1:4222"',
    `max_payload: ${MAX_PACKET_BYTES}`,
    '# MQTT needs JetStream for every connect, also where nothing is stored.',
    `jetstream { store_dir: ${quote(`${options.directory}/jetstream`)}, max_memory_store: 64MB, max_file_store: 256MB }`,
    `mqtt { listen: ${quote(addressText(listen))}${tlsBlock(options)} }`,
    ...(websocket === undefined
      ? []
      : [`websocket { listen: ${quote(addressText(websocket))}${tlsBlock(options) || ', no_tls: true'} }`]),
    '# Every user has permissions of its own: without them a reload of 2.9 with retained messages ends the server.',
    'authorization {',
    '  users: [',
    users.join('\n'),
    '  ]',
    '}',
    '',
  ];
  return [{ name: 'nats.conf', text: lines.join('\n') }];
}

/** A subject's levels are parted by dots; our ids have none. */
function subjects(topics: readonly string[]): string {
  const names = topics.map((topic) => topic.replaceAll('/', '.').replaceAll('+', '*'));
  return `[${names.map(quote).join(', ')}]`;
}

function secretOf({ id, password, passwordHash }: LoginEntry): string {
  if (password !== undefined) return `password: ${quote(password)}, `;
  const why = passwordHash === undefined ? 'no password' : 'only a passwordHash';
  throw new SplitError('options-invalid', `${id} has ${why}; NATS needs its password`);
}

function tlsBlock({ tls }: BrokerConfigOptions): string {
  if (tls === undefined) return '';
  const mutual = tls.ca === undefined ? '' : `, ca_file: ${quote(tls.ca)}, verify: true`;
  return `, tls { cert_file: ${quote(tls.cert)}, key_file: ${quote(tls.key)}${mutual} }`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
