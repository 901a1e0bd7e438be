/** ejabberd's MQTT 5, started in Erlang directly: its control script wants a user and folders of its own. */
import { parseDevices } from '../../sdk/src/access/devices.ts';
import { rightsByLogin } from '../../sdk/src/access/topic-rights.ts';
import { DEVICES, PASSWORD, type TestedBroker } from './broker.ts';
import { freePorts, makePlace, packageVersion, startProgram } from './program.ts';

export async function startEjabberd(): Promise<TestedBroker> {
  const place = await makePlace('ejabberd');
  const [mqtt = 0, web = 0] = await freePorts(2);
  const at = (name: string) => `${place.directory}/${name}`;
  const logins = rightsByLogin(parseDevices(DEVICES));
  const env = {
    ...{ HOME: place.directory, ERL_LIBS: '/usr/lib/x86_64-linux-gnu', SPOOL_DIR: at('spool') },
    ...{ EJABBERD_LOG_PATH: at('ejabberd.log'), ERL_CRASH_DUMP: at('crash') },
    EJABBERD_CONFIG_PATH: await place.write('ejabberd.yml', configuration([...logins], { mqtt, web })),
  };
  const registers = [...logins.keys()].map(
    (user) => `ejabberd_auth:try_register(<<"${user}">>, <<"localhost">>, <<"${PASSWORD}">>)`,
  );
  const args = ['-noinput', '-mnesia', 'dir', `"${at('spool')}"`, '-s', 'ejabberd'];
  const start = async () => {
    const eval_ = `${registers.join(', ')}.`;
    const options = { command: 'erl', args: [...args, '-eval', eval_], env, cwd: place.directory };
    const running = await startProgram({ ...options, ports: [mqtt, web] });
    // The ports are there before the users.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return running;
  };
  let server = await start();
  const url = `mqtt://127.0.0.1:${mqtt}`;
  return {
    name: `ejabberd ${packageVersion('ejabberd')}`,
    ...{ gatewayUrl: url, deviceUrl: url, webSocketUrl: `ws://127.0.0.1:${web}/mqtt`, hasLogins: true },
    restart: async () => {
      await server.kill();
      server = await start();
    },
    close: async () => {
      await server.kill();
      await place.remove();
    },
  };
}

function configuration(
  logins: readonly (readonly [
    string,
    { readonly publish: readonly string[]; readonly subscribe: readonly string[] },
  ])[],
  ports: { readonly mqtt: number; readonly web: number },
): string {
  const users = logins.map(([user]) => `  ${user}: {user: ["${user}"]}`);
  const rules = (kind: 'publish' | 'subscribe') => {
    const by = new Map<string, string[]>();
    for (const [user, rights] of logins)
      for (const topic of rights[kind]) by.set(topic, [...(by.get(topic) ?? []), user]);
    const lines = [...by].map(
      ([topic, who]) => `      "${topic}": [${who.map((user) => `{allow: ${user}}`).join(', ')}]`,
    );
    return [...lines, '      "#": [{deny: all}]'];
  };
  return [
    ...['hosts: [localhost]', 'loglevel: 3', 'auth_method: [mnesia]', 'acl:', ...users, 'listen:'],
    `  - {port: ${ports.mqtt}, ip: "127.0.0.1", module: mod_mqtt, max_payload_size: 8388608}`,
    `  - {port: ${ports.web}, ip: "127.0.0.1", module: ejabberd_http, request_handlers: {"/mqtt": mod_mqtt}}`,
    ...['modules:', '  mod_mqtt:', '    access_publish:', ...rules('publish')],
    ...['    access_subscribe:', ...rules('subscribe'), ''],
  ].join('\n');
}
