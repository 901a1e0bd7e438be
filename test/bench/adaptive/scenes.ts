/** What a plan is played on: a link, and the loads of device and gateway. */
import type { TraceSample } from '../../../sdk/src/adaptive/trace-file.ts';
import type { TraceLink } from '../../../sdk/src/adaptive/trace-link.ts';

export interface Scene {
  readonly name: string;
  readonly uplink: TraceLink;
  readonly durationMs: number;
  readonly deviceSlowdown?: (atMs: number) => number;
  readonly cloudSlowdown?: (atMs: number) => number;
  readonly othersMs?: (atMs: number) => number;
  /** Of the stages' noise. */
  readonly seed: number;
}

/** A scene before it is scaled to a plan. */
export interface Shape extends Omit<Scene, 'uplink' | 'durationMs'> {
  readonly samples: readonly TraceSample[];
}
