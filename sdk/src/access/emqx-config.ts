/** EMQX 5: users of the built-in database, rules in a file, no shared subscriptions. Written by its manual, not run here. */
import { SplitError } from '../errors.ts';
import { addressText, type ListenAddress } from '../program/listen-address.ts';
import { type BrokerConfigOptions, type ConfigFile, MAX_PACKET_BYTES } from './broker-config.ts';
import { loginsOf } from './devices.ts';
import { hashOf } from './mosquitto-config.ts';
import { HASH_BYTES, ITERATIONS } from './password.ts';
import { rightsByLogin } from './topic-rights.ts';

/** @throws SplitError `options-invalid` for a login without a password, or a hash of another number of iterations */
export async function emqxConfig(options: BrokerConfigOptions): Promise<readonly ConfigFile[]> {
  return [
    { name: 'emqx.conf', text: brokerFile(options) },
    { name: 'users.csv', text: await usersFile(options) },
    { name: 'acl.conf', text: rulesFile(options) },
  ];
}

function brokerFile({ listen, websocket, tls, directory }: BrokerConfigOptions): string {
  const secure = tls && [
    `    ssl_options.certfile = "${tls.cert}"`,
    `    ssl_options.keyfile = "${tls.key}"`,
    ...(tls.ca === undefined
      ? []
      : [
          `    ssl_options.cacertfile = "${tls.ca}"`,
          '    ssl_options.verify = verify_peer',
          '    ssl_options.fail_if_no_peer_cert = true',
        ]),
  ];
  const listener = (kind: string, address: ListenAddress) => [
    `listeners.${kind}.cutpoint {`,
    `    bind = "${addressText(address)}"`,
    ...(kind === 'tcp' ? ['    tcp_options.nodelay = true'] : []),
    ...(secure ?? []),
    '}',
  ];
  return [
    '# Made by `cutpoint broker-config emqx`; a later run replaces it.',
    `mqtt.max_packet_size = ${MAX_PACKET_BYTES}`,
    '# A shared subscription to the request topics would swallow requests.',
    'mqtt.shared_subscription = false',
    ...(tls?.ca === undefined ? [] : ['mqtt.peer_cert_as_username = cn']),
    'authentication = [{',
    '    mechanism = password_based',
    '    backend = built_in_database',
    '    user_id_type = username',
    `    password_hash_algorithm { name = pbkdf2, mac_fun = sha512, iterations = ${ITERATIONS}, dk_length = ${HASH_BYTES} }`,
    `    bootstrap_file = "${directory}/users.csv"`,
    '    bootstrap_type = hash',
    '}]',
    'authorization {',
    '    no_match = deny',
    '    deny_action = ignore',
    `    sources = [{ type = file, enable = true, path = "${directory}/acl.conf" }]`,
    '}',
    ...listener(tls ? 'ssl' : 'tcp', listen),
    ...(websocket === undefined ? [] : listener(tls ? 'wss' : 'ws', websocket)),
    '',
  ].join('\n');
}

async function usersFile({ devices }: BrokerConfigOptions): Promise<string> {
  const rows = loginsOf(devices).map(async (login) => {
    const known = await hashOf(login);
    if (!known) throw new SplitError('options-invalid', `${login.id} has no password; EMQX needs one`);
    if (known.iterations !== ITERATIONS || known.hash.length !== HASH_BYTES)
      throw new SplitError(
        'options-invalid',
        `${login.id} has a hash of ${known.iterations} iterations; EMQX takes one number for all, ${ITERATIONS}`,
      );
    return `${login.id},${known.hash.toString('hex')},${known.salt},false`;
  });
  return `${['user_id,password_hash,salt,is_superuser', ...(await Promise.all(rows))].join('\n')}\n`;
}

/** `eq`: the filter as it stands, and none that it covers. */
function rulesFile({ devices }: BrokerConfigOptions): string {
  const lines = [...rightsByLogin(devices)].flatMap(([login, { publish, subscribe }]) => {
    const who = `{username, "${login}"}`;
    const topics = publish.map((topic) => `"${topic}"`).join(', ');
    const filters = subscribe.map((filter) => `{eq, "${filter}"}`).join(', ');
    return [`{allow, ${who}, publish, [${topics}]}.`, `{allow, ${who}, subscribe, [${filters}]}.`];
  });
  return `${['%% Made by `cutpoint broker-config emqx`; a later run replaces it.', ...lines, '{deny, all}.'].join('\n')}\n`;
}
