/** Gateways in two regions on two bridged Mosquittos; the same with a cluster of NATS is `npm run brokers -- regions`. */
import { describe, expect, it } from 'vitest';
import { startBridgedNodes } from '../brokers/mosquitto.ts';
import { playTwoRegions } from '../brokers/two-regions.ts';
import { mosquittoMissing } from '../support/mosquitto.ts';

const missing = mosquittoMissing();

describe.skipIf(missing)(
  `gateways in two regions on two bridged Mosquittos${missing ? `: ${missing}` : ''}`,
  () => {
    it('serve devices of either node, also when a node is killed and when a device moves', async () => {
      const nodes = await startBridgedNodes();
      try {
        const findings = await playTwoRegions(nodes, { eu: 0, us: 1, device: 1 });
        expect(Object.entries(findings).filter(([, isTrue]) => !isTrue)).toEqual([]);
      } finally {
        await nodes.close();
      }
    }, 240_000);
  },
);
