/** What the agent knows of a model's two slots, in one file that is replaced as a whole. */
import { z } from 'zod';

/** `base` is the file of the configuration, which is never written to. */
export const placeSchema = z.enum(['a', 'b', 'base']);
export type Place = z.output<typeof placeSchema>;

export const OUTCOMES = ['installed', 'refused', 'failed', 'rolled-back'] as const;

/** How the last update, or the last way back, ended. */
export const outcomeSchema = z.object({
  outcome: z.enum(OUTCOMES),
  /** Where it ended: see STEPS in update-steps.ts, or `probation`, `start`, `by-hand`. */
  step: z.string(),
  version: z.string(),
  counter: z.number(),
  /** `CODE: what was wrong`; absent where nothing was. */
  reason: z.string().optional(),
  atMs: z.number(),
});
export type UpdateOutcome = z.output<typeof outcomeSchema>;

export const slotsSchema = z.object({
  format: z.literal('cutpoint-slots'),
  active: placeSchema,
  /** Where to go back to. */
  previous: placeSchema,
  /** Whether the active one has served long enough to be trusted. */
  isConfirmed: z.boolean(),
  /** Starts of the agent since it became active, until it is confirmed. */
  starts: z.number(),
  /** A bundle whose trial began, and how often: an agent that dies of it must not die of it for ever. */
  trial: z.object({ sha256: z.string(), tries: z.number() }).optional(),
  last: outcomeSchema.optional(),
});
export type Slots = z.output<typeof slotsSchema>;

export const FIRST_SLOTS: Slots = {
  format: 'cutpoint-slots',
  active: 'base',
  previous: 'base',
  isConfirmed: true,
  starts: 0,
};
