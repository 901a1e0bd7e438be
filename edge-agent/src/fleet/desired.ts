/** What the fleet wants of this device, and the steps in which it is done. */
import { asSplitError } from '@cutpoint/sdk';
import { z } from 'zod';
import { policySchema } from '../config-schema.ts';
import type { Disk } from '../disk/disk.ts';
import { readJson, replaceJson } from '../disk/durable-file.ts';
import type { BundleSource } from '../models/bundle-source.ts';
import { reasonOf } from '../models/model-store.ts';
import type { Models } from '../models/models.ts';
import { pause } from '../models/rate-limit.ts';

export const desiredSchema = z.strictObject({
  /** Rises with every change: what was done once is not done again. */
  version: z.int().min(0),
  models: z
    .record(
      z.string(),
      z.strictObject({
        /** `https://…/` or `mqtt:FOLDER` of a bundle. */
        bundle: z
          .string()
          .regex(/^(https?:\/\/|mqtt:).+/, 'expected https://… or mqtt:FOLDER')
          .optional(),
        policy: policySchema.optional(),
      }),
    )
    .default({}),
});
export type Desired = z.output<typeof desiredSchema>;

const stepSchema = z.object({
  model: z.string(),
  what: z.enum(['policy', 'bundle']),
  state: z.enum(['waiting', 'doing', 'done', 'refused', 'failed']),
  reason: z.string().optional(),
});
export type DesiredStep = z.output<typeof stepSchema>;

const doneSchema = z.object({ version: z.number(), steps: z.array(stepSchema) });
/** Where the fleet's wishes stand: all of them are through when no step waits or is being done. */
export type DesiredState = z.output<typeof doneSchema>;

export interface DesiredOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly models: Models;
  readonly sourceOf: (bundle: string) => Promise<BundleSource>;
  readonly onChange: () => void;
}

export interface DesiredWork {
  readonly state: DesiredState | undefined;
  /** Gives way to the next call. */
  apply(desired: Desired): Promise<void>;
  stop(): void;
}

/** A step that a lost link ended is tried again after so long. */
const RETRY_MS = 60_000;

export async function createDesiredWork(options: DesiredOptions): Promise<DesiredWork> {
  const { disk, path, models, onChange } = options;
  let state: DesiredState | undefined = await readJson(path, doneSchema);
  let current: AbortController | undefined;

  async function apply(desired: Desired): Promise<void> {
    // Retained: it comes with every connect.
    if (state?.version === desired.version && (current !== undefined || isThrough(state))) return;
    current?.abort();
    const own = new AbortController();
    current = own;
    const wishes = wishesOf(desired);
    const steps: DesiredStep[] = wishes.map(({ model, what }) => ({ model, what, state: 'waiting' }));
    state = { version: desired.version, steps };
    for (const [index, wish] of wishes.entries()) {
      const note = (step: Partial<DesiredStep>) => {
        if (own.signal.aborted) return;
        steps[index] = { model: wish.model, what: wish.what, state: 'doing', ...step };
        onChange();
      };
      await untilSettled(wish, note, own.signal);
      if (own.signal.aborted) return;
    }
    current = undefined;
    // A disk that cannot be written to only means that it is done again after a restart.
    await replaceJson(disk, path, state).catch(() => undefined);
    onChange();
  }

  async function untilSettled(wish: Wish, note: Note, signal: AbortSignal): Promise<void> {
    for (;;) {
      note({ state: 'doing' });
      const retriable = await fulfil(wish, note).catch((error: unknown) => {
        note({ state: 'refused', reason: reasonOf(error) });
        return asSplitError(error).retriable;
      });
      if (!retriable) return;
      const isOver = await pause(RETRY_MS, signal).then(
        () => false,
        () => true,
      );
      if (isOver) return;
    }
  }

  /** @returns whether it may go better later */
  async function fulfil({ model: name, what, policy, bundle }: Wish, note: Note): Promise<boolean> {
    const model = models.find(name);
    if (what === 'policy') {
      await model.setPolicy(policy ?? {});
      note({ state: 'done' });
      return false;
    }
    const source = await options.sourceOf(bundle ?? '');
    try {
      const { outcome, reason } = await model.updater.update({ source, isLocal: false });
      if (outcome === 'installed') note({ state: 'done' });
      else note({ state: outcome === 'refused' ? 'refused' : 'failed', reason });
      return reason !== undefined && RETRIABLE.test(reason);
    } finally {
      await source.close();
    }
  }

  return {
    get state() {
      return state;
    },
    apply,
    stop: () => current?.abort(),
  };
}

/** As reasons begin: see `retriable` of SplitError. */
const RETRIABLE = /^(broker-unreachable|gateway-unavailable|deadline-exceeded|overloaded):/;

type Note = (step: Partial<DesiredStep>) => void;

interface Wish {
  readonly model: string;
  readonly what: 'policy' | 'bundle';
  readonly policy?: Desired['models'][string]['policy'];
  readonly bundle?: string | undefined;
}

/** Policies first: they take effect at once. */
function wishesOf({ models }: Desired): readonly Wish[] {
  const entries = Object.entries(models);
  return [
    ...entries.flatMap(([model, { policy }]) =>
      policy === undefined ? [] : [{ model, what: 'policy' as const, policy }],
    ),
    ...entries.flatMap(([model, { bundle }]) =>
      bundle === undefined ? [] : [{ model, what: 'bundle' as const, bundle }],
    ),
  ];
}

function isThrough({ steps }: DesiredState): boolean {
  return steps.every(({ state }) => state !== 'waiting' && state !== 'doing');
}
