/** MQTT.js for pages: its client over a WebSocket, without the other transports and worker timers. */
import client from 'mqtt/lib/client';
import { WebSocketStream } from './web-socket-stream.mjs';

const { default: MqttClient } = client;

function connect(address, options) {
  const { origin, pathname, search, username, password } = new URL(address);
  const all = {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...options,
  };
  const made = new MqttClient(() => new WebSocketStream(origin + pathname + search), all);
  made.on('error', () => {});
  return made;
}

export default { connect };
