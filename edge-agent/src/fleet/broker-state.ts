/** The log's word on the broker: when it came, when it went, and that it was not there from the start. */
import type { Transport } from '@cutpoint/sdk/gateway';
import type { Log } from '../service/log.ts';

const AWAY = 'the broker is away; applications are answered meanwhile, and cutpoint-edge doctor says why';

/** @returns stops it */
export function logBrokerState(
  transport: Pick<Transport, 'isConnected' | 'onStateChange'>,
  log: Pick<Log, 'info' | 'warn'>,
  waitMs: number,
): () => void {
  if (transport.isConnected) log.info({}, 'the broker is there');
  const timer = setTimeout(() => {
    if (!transport.isConnected) log.warn({}, AWAY);
  }, waitMs);
  timer.unref();
  const stop = transport.onStateChange((state) => {
    clearTimeout(timer);
    if (state === 'connected') log.info({}, 'the broker is there');
    else log.warn({}, AWAY);
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}
