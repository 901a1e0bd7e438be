/** MQTT.js keeps aliases of topics here when a broker offers them and it is told to use them; Cutpoint does not. */
export class LRUCache {
  constructor() {
    throw new Error('topic aliases are left out of this build');
  }
}
