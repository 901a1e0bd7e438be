/** RabbitMQ with its MQTT plugins, logins and rights from a definitions file: what docs/brokers.md says for rabbitmqctl. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { parseDevices } from '../../sdk/src/access/devices.ts';
import { rightsByLogin } from '../../sdk/src/access/topic-rights.ts';
import { DEVICES, PASSWORD, type TestedBroker } from './broker.ts';
import { freePorts, makePlace, packageVersion, startProgram } from './program.ts';

const PROGRAM = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export async function startRabbitMq(): Promise<TestedBroker> {
  const place = await makePlace('rabbitmq');
  const [mqtt = 0, web = 0, names = 0, distribution = 0] = await freePorts(4);
  const definitions = await place.write('definitions.json', JSON.stringify(definitionsOf()));
  const configuration = [
    'listeners.tcp = none',
    `mqtt.listeners.tcp.1 = 127.0.0.1:${mqtt}`,
    ...['mqtt.allow_anonymous = false', 'mqtt.vhost = /', 'mqtt.exchange = amq.topic'],
    ...['mqtt.subscription_ttl = 60000', 'mqtt.tcp_listen_options.nodelay = true'],
    ...['web_mqtt.tcp.ip = 127.0.0.1', `web_mqtt.tcp.port = ${web}`, 'web_mqtt.ws_path = /mqtt'],
    `load_definitions = ${definitions}`,
    '',
  ];
  const at = (name: string) => `${place.directory}/${name}`;
  const env = {
    ...{ HOME: place.directory, ERL_EPMD_PORT: String(names), RABBITMQ_DIST_PORT: String(distribution) },
    RABBITMQ_NODENAME: `cutpoint-${process.pid}@localhost`,
    ...{ RABBITMQ_MNESIA_BASE: at('mnesia'), RABBITMQ_LOG_BASE: at('log') },
    RABBITMQ_CONFIG_FILE: await place.write('rabbitmq.conf', configuration.join('\n')),
    RABBITMQ_ENABLED_PLUGINS_FILE: await place.write(
      'enabled_plugins',
      '[rabbitmq_mqtt,rabbitmq_web_mqtt].\n',
    ),
  };
  const start = () => startProgram({ command: PROGRAM, env, cwd: place.directory, ports: [mqtt, web] });
  let server = await start();
  const url = `mqtt://127.0.0.1:${mqtt}`;
  return {
    name: `RabbitMQ ${packageVersion('rabbitmq-server')}`,
    ...{ gatewayUrl: url, deviceUrl: url, webSocketUrl: `ws://127.0.0.1:${web}/mqtt`, hasLogins: true },
    restart: async () => {
      await server.kill();
      server = await start();
    },
    close: async () => {
      await server.kill();
      endNameServer(names);
      await place.remove();
    },
  };
}

/** Erlang's own name server stays when its last node is gone. */
function endNameServer(port: number): void {
  try {
    execFileSync('epmd', ['-port', String(port), '-kill'], { stdio: 'ignore' });
  } catch {
    // It was not there.
  }
}

function definitionsOf() {
  const logins = rightsByLogin(parseDevices(DEVICES));
  const users = [...logins.keys()];
  return {
    vhosts: [{ name: '/' }],
    users: users.map((name) => ({
      ...{
        name,
        password_hash: hash(PASSWORD),
        hashing_algorithm: 'rabbit_password_hashing_sha256',
        tags: [],
      },
    })),
    permissions: users.map((user) => {
      // Queues are named after the client id, which begins with the login.
      const queues = `mqtt-subscription-${user}-.*qos[01]`;
      const [configure, rest] = [`^${queues}$`, `^(${queues}|amq\\.topic)$`];
      return { user, vhost: '/', configure, write: rest, read: rest };
    }),
    topic_permissions: [...logins].map(([user, { publish, subscribe }]) => ({
      ...{ user, vhost: '/', exchange: 'amq.topic', write: pattern(publish), read: pattern(subscribe) },
    })),
  };
}

/** Of routing keys: dots for slashes; a filter's `+` arrives as `*`. */
function pattern(topics: readonly string[]): string {
  const keys = topics.map((topic) => topic.replaceAll('/', '\\.').replaceAll('+', '[^.]+'));
  return `^(${keys.join('|')})$`;
}

function hash(password: string): string {
  const salt = randomBytes(4);
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password).digest()]).toString(
    'base64',
  );
}
