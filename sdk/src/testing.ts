/** `@cutpoint/sdk/testing`: what tests and samples need besides the product. A link that can be slow, a broker in memory. */
export { type CreateLinkOptions, createLink, type Link, type LinkOptions } from './testing/link.ts';
export {
  type MemoryBroker,
  type MemoryBrokerOptions,
  type MemoryTransport,
  memoryBroker,
} from './transport/memory.ts';
export { connectMqtt } from './transport/mqtt.ts';
export { createRequestClient, type RequestClient } from './transport/request-client.ts';
