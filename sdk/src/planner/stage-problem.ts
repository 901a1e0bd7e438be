/**
 * The problem of placing stages: a model as segments between nested cuts, devices that can run some of them, links
 * between devices. A stage is a range of segments on one device.
 */

export interface StageDevice {
  readonly name: string;
  /** Milliseconds of each segment there, decoding and encoding of what crosses not counted. */
  readonly segmentMs: readonly number[];
  /** Bytes that may be held for weights; `null` is no limit. */
  readonly memoryBytes: number | null;
  /** Segments that may not run there, by policy: a region, a provider. @default none */
  readonly barred?: readonly number[] | undefined;
}

/** One way: a link back is another one. */
export interface StageLink {
  readonly from: string;
  readonly to: string;
  readonly bitsPerSecond: number;
  /** From sending the last byte to having it. */
  readonly delayMs: number;
}

export interface StageProblem {
  /** Of each segment's weights. */
  readonly weightBytes: readonly number[];
  /**
   * What crosses each boundary: before the first segment the input, after the last the output. Encoded, with what
   * encoding and decoding take; one entry more than there are segments.
   */
  readonly crossing: readonly StageCrossing[];
  readonly devices: readonly StageDevice[];
  readonly links: readonly StageLink[];
  /** The device that has the input and is to have the output. */
  readonly source: string;
}

export interface StageCrossing {
  readonly bytes: number;
  readonly codecMs: number;
  /** May it leave the device that made it? @default true */
  readonly mayLeave?: boolean | undefined;
}

export interface StageWish {
  /** `latency`: one request by itself. `throughput`: the slowest stage or link of a full pipeline. */
  readonly objective: 'latency' | 'throughput';
  /** Most stages, 1 to 8. */
  readonly maxStages: number;
  /** Whether the last stage may be the source's again: a U. @default false */
  readonly mayReturn?: boolean | undefined;
  /** Whether the source may not run all by itself. @default false */
  readonly mustSend?: boolean | undefined;
}

export interface Stage {
  readonly device: string;
  /** Segments from this one on, */
  readonly from: number;
  /** up to, not including, this one. Equal where the source only hands on its input. */
  readonly to: number;
  readonly computeMs: number;
  /** What it takes to hand on what it made; 0 where that is not sent. */
  readonly sendMs: number;
}

export interface Placement {
  readonly stages: readonly Stage[];
  /** From input to output of one request. */
  readonly latencyMs: number;
  /** Of the slowest stage or link: a full pipeline gives one answer in that time. */
  readonly bottleneckMs: number;
}

/** Milliseconds to hand a crossing on, without codec and delay. */
export function wireMs({ bytes }: StageCrossing, { bitsPerSecond }: StageLink): number {
  return (bytes * 8000) / bitsPerSecond;
}
