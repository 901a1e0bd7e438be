/** MQTT.js for pages: its client over its own WebSocket stream, without the other transports and worker timers. */
import client from 'mqtt/lib/client';
import webSocket from 'mqtt/lib/connect/ws';

/** What may wait in the socket before MQTT.js pauses, and how long it then sleeps, in bytes and milliseconds. */
const BUFFER = { browserBufferSize: 8 * 2 ** 20, browserBufferTimeout: 5 };

const { default: MqttClient } = client;
const { browserStreamBuilder } = webSocket;

function connect(address, options) {
  const { protocol, hostname, port, pathname, search, username, password } = new URL(address);
  const all = {
    ...BUFFER,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...options,
    protocol: protocol.slice(0, -1),
    hostname,
    path: pathname + search,
    ...(port && { port: Number(port) }),
  };
  const made = new MqttClient((self) => browserStreamBuilder(self, all), all);
  made.on('error', () => {});
  return made;
}

export default { connect };
