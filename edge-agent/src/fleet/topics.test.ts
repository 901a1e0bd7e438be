import { createDeviceIndex } from '@cutpoint/sdk/gateway';
import { expect, it } from 'vitest';
import { parseDevices } from '../../../sdk/src/access/devices.ts';
import { discovery } from '../results/home-assistant.ts';
import { agentTopics } from './topics.ts';

it('the topics of an agent are granted by a devices file that names its models', () => {
  const devices = [{ id: 'camera-7', agent: ['net.v1'] }];
  const index = createDeviceIndex(parseDevices({ devices, fleet: [{ id: 'ops' }] }));
  const topics = agentTopics('cutpoint', 'camera-7');
  const { result, input, desired, command, got, allInputs, ...sent } = topics;
  const about = { prefix: 'homeassistant', device: 'camera-7', version: '1', topics };
  const sensor = discovery(about, 'net.v1').topic;
  for (const topic of [...Object.values(sent), result('net.v1'), sensor])
    expect([topic, index.mayPublish('camera-7', topic)]).toEqual([topic, true]);
  for (const filter of [desired, command, got, allInputs, sent.echo, 'homeassistant/status'])
    expect([filter, index.maySubscribe('camera-7', filter)]).toEqual([filter, true]);
  for (const topic of [desired, command, got, input('net.v1')])
    expect([topic, index.mayPublish('ops', topic)]).toEqual([topic, true]);
  for (const topic of [sent.status, sent.reported, sent.health, sent.answer, sent.get, result('net.v1')])
    expect([topic, index.mayReceive('ops', topic)]).toEqual([topic, true]);
});
