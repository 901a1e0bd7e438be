/**
 * Topics of version 1. Who may publish where is the broker's to enforce, so the device's id stands in the topic:
 * replies go where the request's topic says, never where a message says.
 *
 * | topic                       | from    | what                                                  |
 * |-----------------------------|---------|-------------------------------------------------------|
 * | `ns/gw/<gateway>/req/<device>` | device  | requests, their parts, pings, credit for results      |
 * | `ns/dev/<device>/rep`       | gateway | results, errors, pongs, credit, answers to a hello    |
 * | `ns/gw/<gateway>/st`        | gateway | announcement, retained; its will says offline         |
 * | `ns/hello/<device>`         | device  | asks every gateway to announce itself                 |
 */
import { SplitError } from '../../errors.ts';

/** Letters that no broker treats in a special way: no dot, space or wildcard of any of them. */
const ID = /^[A-Za-z0-9_-]{1,64}$/;

export type Topic =
  | { readonly kind: 'request'; readonly gateway: string; readonly device: string }
  | { readonly kind: 'reply'; readonly device: string }
  | { readonly kind: 'status'; readonly gateway: string }
  | { readonly kind: 'hello'; readonly device: string };

export interface Topics {
  request(gateway: string, device: string): string;
  reply(device: string): string;
  status(gateway: string): string;
  hello(device: string): string;
  /** Filters: all requests to one gateway, all replies, all gateways' announcements, all hellos. */
  requestsTo(gateway: string): string;
  readonly allReplies: string;
  readonly allStatus: string;
  readonly allHellos: string;
  /** `undefined` for a topic that is none of these, or that holds an id which is not one. */
  parse(topic: string): Topic | undefined;
}

/** @throws SplitError `options-invalid` for a namespace or id outside `[A-Za-z0-9_-]{1,64}` */
export function topicsOf(namespace: string): Topics {
  const ns = checkId('namespace', namespace);
  return {
    request: (gateway, device) => `${ns}/gw/${checkId('gateway', gateway)}/req/${checkId('device', device)}`,
    reply: (device) => `${ns}/dev/${checkId('device', device)}/rep`,
    status: (gateway) => `${ns}/gw/${checkId('gateway', gateway)}/st`,
    hello: (device) => `${ns}/hello/${checkId('device', device)}`,
    requestsTo: (gateway) => `${ns}/gw/${checkId('gateway', gateway)}/req/+`,
    allReplies: `${ns}/dev/+/rep`,
    allStatus: `${ns}/gw/+/st`,
    allHellos: `${ns}/hello/+`,
    parse: (topic) => parseTopic(ns, topic),
  };
}

export function isId(value: string): boolean {
  return ID.test(value);
}

function checkId(what: string, value: string): string {
  if (isId(value)) return value;
  throw new SplitError(
    'options-invalid',
    `${what} id '${value.slice(0, 80)}' is not 1 to 64 letters, digits, '_' or '-'`,
  );
}

function parseTopic(ns: string, topic: string): Topic | undefined {
  const levels = topic.split('/');
  const [space, kind, first = '', verb, second = ''] = levels;
  if (space !== ns || !isId(first)) return undefined;
  if (kind === 'hello' && levels.length === 3) return { kind: 'hello', device: first };
  if (kind === 'dev' && verb === 'rep' && levels.length === 4) return { kind: 'reply', device: first };
  if (kind === 'gw' && verb === 'st' && levels.length === 4) return { kind: 'status', gateway: first };
  const isRequest = kind === 'gw' && verb === 'req' && levels.length === 5 && isId(second);
  return isRequest ? { kind: 'request', gateway: first, device: second } : undefined;
}
