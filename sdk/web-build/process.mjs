/** The part of Node's process that the streams below MQTT.js ask for. */
export default {
  nextTick: (work, ...args) => queueMicrotask(() => work(...args)),
  env: {},
  browser: true,
  version: '',
};
