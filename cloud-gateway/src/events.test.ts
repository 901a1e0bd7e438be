import { expect, it } from 'vitest';
import { createGatewayEvents, type ExecutorChanged } from './events.ts';
import { silentLog } from './log.ts';

const READY: ExecutorChanged = { executor: 'cpu', provider: 'cpu', state: 'ready' };

it('tells every listener, also after one that throws, until it stops listening', () => {
  const events = createGatewayEvents(silentLog());
  const heard: ExecutorChanged[] = [];
  events.on('executor-changed', () => {
    throw new Error('broken');
  });
  const stop = events.on('executor-changed', (event) => heard.push(event));
  events.emit('executor-changed', READY);
  stop();
  events.emit('executor-changed', READY);
  expect(heard).toEqual([READY]);
});
