/** What the log says of requests: times at debug, refusals at info, failures of the gateway itself at error. */
import { asSplitError, type ErrorCode } from '@cutpoint/sdk';
import type { Log } from './log.ts';
import type { HandleRequest } from './tail.ts';

/** Not the device's doing, nor a matter of load: somebody should look. */
const OWN_FAILURES: ReadonlySet<ErrorCode> = new Set(['runtime-failed', 'internal', 'provider-unavailable']);

export function logRequests(handle: HandleRequest, log: Log): HandleRequest {
  return async (request) => {
    const { id, device, model, cut } = request;
    try {
      const reply = await handle(request);
      const { queueMs, decodeMs, tailMs, encodeMs } = reply;
      log.debug({ id, device, model, cut, queueMs, decodeMs, tailMs, encodeMs }, 'request answered');
      return reply;
    } catch (error) {
      const { code, message, cause } = asSplitError(error);
      const level = OWN_FAILURES.has(code) ? 'error' : 'info';
      // The cause goes no further than this: the device gets code and message.
      log[level]({ id, device, model, cut, code, cause: String(cause ?? '') }, `request refused: ${message}`);
      throw error;
    }
  };
}
