/** What a fleet makes its broker carry: parts of requests and replies, and announcements, which every device hears. */
import { DEFAULT_CHUNK_BYTES } from '../protocol/limits.ts';
import { countParts } from '../transport/parts.ts';
import type { FleetBroker } from './fleet-file.ts';

export interface BrokerLoad {
  /** Published and delivered, both counted. */
  readonly messagesPerSecond: number;
  /** Of these: announcements, each of them delivered to every device. */
  readonly announcementsPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Into so many brokers of their own, each with its gateways and its devices, the fleet has to be parted. */
  readonly brokers: number;
}

export interface BrokerTraffic {
  readonly devices: number;
  readonly gateways: number;
  /** Of all gateways, as they publish them. */
  readonly announcementsPerSecond: number;
  readonly requestMessagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** A header and names, once for each message. */
const HEADER_BYTES = 300;
/** Of a gateway with one model of eight cuts. */
const ANNOUNCEMENT_BYTES = 700;

/** Messages that a payload of so many bytes is cut into. */
export function messagesOf(bytes: number): number {
  return countParts(bytes, DEFAULT_CHUNK_BYTES);
}

export function wireBytes(bytes: number): number {
  return bytes + HEADER_BYTES * messagesOf(bytes);
}

export function brokerLoad(
  { devices, gateways, announcementsPerSecond, requestMessagesPerSecond, bytesPerSecond }: BrokerTraffic,
  limits: FleetBroker,
): BrokerLoad {
  const on = (brokers: number) => {
    // Of each broker's gateways every one of its devices hears all.
    const share = gateways === 0 ? 0 : Math.ceil(gateways / brokers) / gateways;
    const heard = share * announcementsPerSecond * (1 + devices / brokers);
    return {
      announcementsPerSecond: heard,
      messagesPerSecond: (2 * requestMessagesPerSecond) / brokers + heard,
      megabytesPerSecond: ((2 * bytesPerSecond) / brokers + heard * ANNOUNCEMENT_BYTES) / 1e6,
    };
  };
  const fits = (brokers: number) => {
    const { messagesPerSecond, megabytesPerSecond } = on(brokers);
    return (
      messagesPerSecond <= limits.maxMessagesPerSecond && megabytesPerSecond <= limits.maxMegabytesPerSecond
    );
  };
  let brokers = 1;
  while (!fits(brokers) && brokers < Math.max(1, gateways)) brokers += 1;
  return { ...on(1), brokers };
}
