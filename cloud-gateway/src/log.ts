/** The gateway's log: JSON lines on stderr, so that stdout holds nothing but the line that says it is ready. */
import { type Logger, pino } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** Written at once, so that nothing is lost when the process ends. Tensors and payloads are never logged. */
export function createLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** For callers that keep no log. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
