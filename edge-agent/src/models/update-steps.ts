/** The steps of an update, in order, and how it is told which one it is at. */
import type { BundleManifest } from '@cutpoint/sdk/bundle';

export const STEPS = ['manifest', 'space', 'fetch', 'wait', 'stage', 'trial', 'switch', 'probation'] as const;
export type Step = (typeof STEPS)[number];

export interface UpdateProgress {
  readonly step: Step;
  /** Of the bundle that is on its way; unknown at the first step. */
  readonly manifest?: BundleManifest | undefined;
  readonly fetchedBytes: number;
  readonly totalBytes: number;
  /** What is waited for. */
  readonly reason?: string | undefined;
}
