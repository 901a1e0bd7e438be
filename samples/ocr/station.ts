/** A station: one of the sample's two models as a split session, and every run's trace of the step in hand. */
import type { Arm, SplitSession, Tensors, Trace } from '@cutpoint/sdk/node';
import type { ModelInput } from './read-text.ts';

/** What a rule allows to leave the device. */
export type Rule = 'may-leave' | 'stay';

export type StationName = 'detector' | 'recogniser';

export interface Station {
  readonly name: StationName;
  readonly session: SplitSession;
  /** Runs as the controller chooses under the rule, or by the arm named. */
  run(
    input: ModelInput,
    how: { readonly rule?: Rule; readonly arm?: string },
  ): Promise<{ outputs: Tensors; trace: Trace }>;
  /** Traces of this step by arm. */
  readonly traces: ReadonlyMap<string, readonly Trace[]>;
  /** Forgets the traces: another step begins. */
  clear(): void;
}

export function createStation(name: StationName, session: SplitSession): Station {
  const traces = new Map<string, Trace[]>();
  return {
    name,
    session,
    traces,
    clear: () => traces.clear(),
    async run({ feeds, images }, { rule, arm }) {
      let trace: Trace | undefined;
      const outputs = await session.run(feeds, {
        onTrace: (ended) => {
          trace = ended;
        },
        ...(images && { images }),
        ...(rule === 'stay' && { inputs: 'stay' as const }),
        ...(arm !== undefined && { arm }),
      });
      if (trace === undefined) throw new Error('a run ended without a trace');
      traces.set(trace.arm, [...(traces.get(trace.arm) ?? []), trace]);
      return { outputs: outputs as unknown as Tensors, trace };
    },
  };
}

/** The trace in the middle by total time: its stages belong to one run and so add up. */
export function medianTrace(traces: readonly Trace[]): Trace | undefined {
  return traces.toSorted((a, b) => a.totalMs - b.totalMs)[(traces.length - 1) >> 1];
}

/** Whether an arm sends the input itself, as a tensor or as a picture. */
export function sendsInput(arm: Arm): boolean {
  return arm.kind === 'split' && arm.cut.position === 0;
}
