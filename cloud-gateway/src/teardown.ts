/** What was started, undone in the reverse order; one step that fails does not keep the others from running. */
import { asSplitError } from '@cutpoint/sdk';
import type { Log } from './log.ts';

export interface Teardown {
  push(name: string, undo: () => Promise<void>): void;
  /** Runs every step once. Later calls wait for the first. */
  readonly run: () => Promise<void>;
}

export function createTeardown(log: Log): Teardown {
  const steps: { readonly name: string; readonly undo: () => Promise<void> }[] = [];
  let running: Promise<void> | undefined;
  const runAll = async () => {
    for (const { name, undo } of steps.reverse()) {
      try {
        await undo();
      } catch (error) {
        const { code, message } = asSplitError(error);
        log.warn({ step: name, code }, `could not stop cleanly: ${message}`);
      }
    }
  };
  return {
    push: (name, undo) => void steps.push({ name, undo }),
    run: () => {
      running ??= runAll();
      return running;
    },
  };
}
