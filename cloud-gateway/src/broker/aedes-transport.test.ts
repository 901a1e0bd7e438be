import { connectMqtt, type Transport } from '@cutpoint/sdk/gateway';
import { transportSuite } from '@cutpoint/sdk/suites';
import { createAedesTransport } from './aedes-transport.ts';
import { type EmbeddedBroker, startBroker } from './broker.ts';

// Only the port's own rules: this transport has no connection that could be severed, and no will.
transportSuite('in the process of the embedded broker', async () => {
  const broker = await startBroker({ listen: { host: '127.0.0.1', port: 0 }, maxMessageBytes: 1 << 20 });
  return { connect: async () => createAedesTransport(broker.aedes), close: () => broker.close() };
});

// Every second transport is outside, so that messages cross the border both ways.
transportSuite('to the embedded broker, from inside and outside by turns', async () => {
  const broker = await startBroker({ listen: { host: '127.0.0.1', port: 0 }, maxMessageBytes: 1 << 20 });
  return { connect: byTurns(broker), close: () => broker.close() };
});

function byTurns(broker: EmbeddedBroker): () => Promise<Transport> {
  let count = 0;
  return async () => {
    count += 1;
    return count % 2 === 0 ? createAedesTransport(broker.aedes) : await connectMqtt({ url: broker.url });
  };
}
