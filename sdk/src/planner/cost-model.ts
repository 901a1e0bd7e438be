/** The cost of an arm: the time of each stage, from what was measured on the device, of the cloud and of the link. */

/** Milliseconds of each stage of one request, in the order in which they happen. */
export interface StageTimes {
  readonly headMs: number;
  readonly encodeMs: number;
  readonly uplinkMs: number;
  readonly queueMs: number;
  /** The gateway's work: decoding, tail, encoding. */
  readonly tailMs: number;
  readonly downlinkMs: number;
  readonly decodeMs: number;
  /** Of a U: the device's last layers. @default 0 */
  readonly lastMs?: number | undefined;
}

/** What an arm costs on an idle device, an idle gateway and any link. */
export interface ArmCost {
  readonly headMs: number;
  readonly encodeMs: number;
  readonly sentBytes: number;
  readonly tailMs: number;
  readonly receivedBytes: number;
  readonly decodeMs: number;
  /** Of a U: the device's last layers. @default 0 */
  readonly lastMs?: number | undefined;
  /** Of gateways in a row: what of `tailMs` each of them, and each link between two, is busy. @default one gateway */
  readonly row?: GatewayRow | undefined;
}

export interface GatewayRow {
  readonly gatewayMs: readonly number[];
  readonly wireMs: readonly number[];
}

/** What is busy longest with one request behind the device's link: requests that follow each other wait for it. */
export function slowestTailMs({ tailMs, row }: ArmCost): number {
  return row ? Math.max(...row.gatewayMs, ...row.wireMs) : tailMs;
}

/** What machines are charged for: waiting for the next one is not. */
export function computedTailMs({ tailMs, row }: ArmCost): number {
  return row ? row.gatewayMs.reduce((total, ms) => total + ms, 0) : tailMs;
}

/** All that the device does itself, in milliseconds. */
export function onDeviceMs({ headMs, encodeMs, decodeMs, lastMs = 0 }: ArmCost | StageTimes): number {
  return headMs + encodeMs + decodeMs + lastMs;
}

/** The present state of what all arms share. */
export interface Conditions {
  readonly uplinkBitsPerSecond: number;
  readonly downlinkBitsPerSecond: number;
  /** Of an empty message, there and back. */
  readonly roundTripMs: number;
  readonly queueMs: number;
  /** How many times slower than measured the device is now. 1 is as measured. */
  readonly deviceSlowdown: number;
  /** The same of the gateway. */
  readonly cloudSlowdown: number;
}

/** Stage times of an arm that sends something. */
export function predictStages(cost: ArmCost, now: Conditions): StageTimes {
  const oneWayMs = now.roundTripMs / 2;
  return {
    headMs: cost.headMs * now.deviceSlowdown,
    encodeMs: cost.encodeMs * now.deviceSlowdown,
    uplinkMs: oneWayMs + transferMs(cost.sentBytes, now.uplinkBitsPerSecond),
    queueMs: now.queueMs,
    tailMs: cost.tailMs * now.cloudSlowdown,
    downlinkMs: oneWayMs + transferMs(cost.receivedBytes, now.downlinkBitsPerSecond),
    decodeMs: cost.decodeMs * now.deviceSlowdown,
    ...(cost.lastMs && { lastMs: cost.lastMs * now.deviceSlowdown }),
  };
}

/** Milliseconds that `bytes` need on a link of that rate. */
export function transferMs(bytes: number, bitsPerSecond: number): number {
  return (bytes * 8000) / bitsPerSecond;
}

export function totalMs(stages: StageTimes): number {
  const { uplinkMs, queueMs, tailMs, downlinkMs } = stages;
  return onDeviceMs(stages) + uplinkMs + queueMs + tailMs + downlinkMs;
}
