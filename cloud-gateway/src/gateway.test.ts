import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectDevice, type ModelFolder, makeModelFolder } from '../../test/support/gateway-process.ts';
import { smallConvNet } from '../../test/support/models/small-conv-net.ts';
import { transformer } from '../../test/support/models/transformer.ts';
import { type GatewayOptions, resolveConfig } from './config.ts';
import { type Gateway, startGateway } from './gateway.ts';

let models: ModelFolder;
const gateways: Gateway[] = [];
beforeEach(async () => {
  models = await makeModelFolder();
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.stop();
  await models.remove();
});

describe('a gateway', () => {
  it('leaves out a model that does not load and serves the others', async () => {
    await models.add('broken', Uint8Array.of(1, 2, 3));
    await models.add('good', smallConvNet());
    await models.add('misdescribed', smallConvNet(), { inputs: { input: [1, 4, 32, 32] } });
    const gateway = await start();
    expect(gateway.models).toEqual(['good']);
  });

  it('does not start when no model loads', async () => {
    await models.add('broken', Uint8Array.of(1, 2, 3));
    await expect(start()).rejects.toMatchObject({ code: 'model-invalid' });
  });

  it('announces no cut of a model whose size is open, until its settings say it', async () => {
    await models.add('open', transformer());
    await models.add('sized', transformer(), { inputs: { input: [1, 8, 32] } });
    const gateway = await start();
    const { client, close } = await connectDevice(gateway.brokerUrl);
    const { models: announced } = await client.waitForGateway('open', { deadlineMs: 5_000 });
    const [open, sized] = ['open', 'sized'].map((wanted) => announced.find(({ name }) => name === wanted));
    expect(open).not.toHaveProperty('inputTailMs');
    expect(open?.cuts).toEqual([]);
    expect(sized?.cuts.length).toBeGreaterThan(0);
    await close();
  });

  it('offers the cuts that its settings name besides those it chooses', async () => {
    const inputs = { input: [1, 3, 32, 32] };
    const announcedIds = async (maxCuts: number) => {
      const gateway = await start({ maxCuts });
      const { client, close } = await connectDevice(gateway.brokerUrl);
      const { models: announced } = await client.waitForGateway('net', { deadlineMs: 5_000 });
      await close();
      await gateway.stop();
      return announced[0]?.cuts.map(({ id }) => id) ?? [];
    };
    await models.add('net', smallConvNet(), { inputs });
    const [many, [one = '']] = [await announcedIds(4), await announcedIds(1)];
    await models.add('net', smallConvNet(), { inputs, cuts: many });
    expect(many).toHaveLength(4);
    expect(await announcedIds(1)).toEqual(expect.arrayContaining([one, ...many]));
  });

  it('frees its port when it stops, and stops twice without harm', async () => {
    await models.add('net', smallConvNet());
    const first = await start();
    const { host } = new URL(first.brokerUrl);
    await first.stop();
    await first.stop();
    expect((await start({ listen: host })).brokerUrl).toBe(first.brokerUrl);
  });

  it('undoes its start when the port is taken', async () => {
    await models.add('net', smallConvNet());
    const { host } = new URL((await start()).brokerUrl);
    await expect(start({ listen: host })).rejects.toMatchObject({ code: 'broker-unreachable' });
  });

  it('announces itself to a device that comes later, and leaves when it stops', async () => {
    await models.add('net', smallConvNet());
    const gateway = await start({ id: 'gw-1', region: 'here' });
    const { client, close } = await connectDevice(gateway.brokerUrl);
    const announcement = await client.waitForGateway('net', { deadlineMs: 5_000 });
    expect(announcement).toMatchObject({ gateway: 'gw-1', region: 'here', state: 'ready' });
    const states: string[] = [];
    client.onAnnouncement(({ state }) => states.push(state));
    await gateway.stop();
    expect(states).toContain('draining');
    await close();
  });
});

async function start(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const gateway = await startGateway(
    resolveConfig({ models: models.path, listen: '127.0.0.1:0', threads: 1, ...options }),
  );
  gateways.push(gateway);
  return gateway;
}
