/** The last layers of a U: what the device does itself when the gateway's part has come back. */
import type { SplitArm } from '../planner/arm.ts';
import type { Tensors } from '../tensor.ts';
import type { Timed } from './pace.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { signalOf } from './run-local.ts';

export interface BeforeLast {
  readonly arm: SplitArm;
  /** What the head made and what came back. */
  readonly values: Tensors;
}

/** The outputs of the model that are there then; without a second cut those are `values` as they are, in no time. */
export async function runLast(
  { executor, pace }: SessionParts,
  { fetches, options }: RunArguments,
  { arm: { to }, values }: BeforeLast,
): Promise<Timed<Tensors>> {
  const made = fetches.filter((name) => to && !to.headOutputs.includes(name));
  const there = Object.fromEntries(Object.entries(values).filter(([name]) => fetches.includes(name)));
  if (to === undefined || made.length === 0) return { value: there, elapsedMs: 0 };
  const run = () => executor.run({ from: to, feeds: values, fetches: made, ...signalOf(options) });
  const { value, elapsedMs } = await pace.stage('model', run, options.signal);
  return { value: { ...there, ...value.values }, elapsedMs };
}
