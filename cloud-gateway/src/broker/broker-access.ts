/** Logins and topic rights of the broker inside, from the devices file as it is now. */
import { TLSSocket } from 'node:tls';
import type { DeviceIndex } from '@cutpoint/sdk/gateway';
import type { Aedes, AuthenticateError, Client } from 'aedes';

export interface BrokerAccess {
  /** Asked each time: the file may have changed. */
  devices(): DeviceIndex;
}

/** Connections of one login at a time: a session is one, and a device may have several. */
const MAX_CONNECTIONS_OF_LOGIN = 64;
const NOT_AUTHORISED = 5;

/** Puts the rights into the broker's hooks. Returns what ends the connections of logins that are gone. */
export function enforceAccess(aedes: Aedes, { devices }: BrokerAccess): () => void {
  const logins = new Map<Client, string>();
  const { authorizePublish } = aedes;

  const mayConnect = async (client: Client, username?: string, password?: Buffer) => {
    const login = certificateName(client) ?? (await passwordLogin(devices(), username, password));
    if (login === undefined || !devices().isKnown(login)) return false;
    const open = [...logins.values()].filter((one) => one === login).length;
    if (open >= MAX_CONNECTIONS_OF_LOGIN) return false;
    logins.set(client, login);
    // It may be gone already, and then nothing else would forget it.
    if (client.closed) logins.delete(client);
    return true;
  };
  aedes.authenticate = (client, username, password, done) => {
    mayConnect(client, username, password).then(
      (is) => (is ? done(null, true) : done(refusedLogin(), null)),
      () => done(refusedLogin(), null),
    );
  };
  aedes.authorizeSubscribe = (client, subscription, done) => {
    const is = devices().maySubscribe(logins.get(client) ?? '', subscription.topic);
    // No subscription: SUBACK says refused, and the connection stays.
    done(null, is ? subscription : null);
  };
  aedes.authorizePublish = (client, packet, done) => {
    const login = client ? (logins.get(client) ?? '') : undefined;
    const is = login === undefined || devices().mayPublish(login, packet.topic);
    if (is) authorizePublish(client, packet, done);
    else done(new Error(`${login || 'nobody'} may not publish to ${packet.topic}`));
  };
  aedes.authorizeForward = (client, packet) =>
    devices().mayReceive(logins.get(client) ?? '', packet.topic) ? packet : null;
  aedes.on('clientDisconnect', (client) => logins.delete(client));
  return () => {
    for (const [client, login] of logins) if (!devices().isKnown(login)) client.close();
  };
}

async function passwordLogin(
  devices: DeviceIndex,
  username: string | undefined,
  password: Buffer | undefined,
): Promise<string | undefined> {
  if (username === undefined || password === undefined) return undefined;
  return (await devices.isLogin(username, password.toString())) ? username : undefined;
}

/** Of a certificate that the broker's authority signed; with one, no password is asked for. */
function certificateName(client: Client): string | undefined {
  const socket = client.req?.socket ?? client.conn;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { CN } = socket.getPeerCertificate().subject ?? {};
  return typeof CN === 'string' ? CN : undefined;
}

function refusedLogin(): AuthenticateError {
  return Object.assign(new Error('login refused'), { returnCode: NOT_AUTHORISED });
}
