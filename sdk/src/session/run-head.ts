/** The head of a request: what crosses its cut, and those outputs that are made before it. */
import { isByteProfile } from '../codec/profile.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { Tensors } from '../tensor.ts';
import type { FrontierValues } from './frontier-frames.ts';
import type { Timed } from './pace.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { signalOf } from './run-local.ts';

export interface HeadOptions {
  /** Floats even where the arm's profile could take bytes: the device can then go on from them. @default false */
  readonly isKeptExact?: boolean;
}

/** The input cut's head is empty. */
export async function runHead(
  { executor, pace }: SessionParts,
  args: RunArguments,
  { cut, profile }: SplitArm,
  { isKeptExact = false }: HeadOptions = {},
): Promise<Timed<FrontierValues>> {
  const { feeds, options } = args;
  const crossing = cut.tensors.map(({ name }) => name);
  if (cut.position === 0) return { value: { values: pick(feeds, crossing) }, elapsedMs: 0 };
  const fetches = [
    ...new Set([...crossing, ...args.fetches.filter((name) => cut.headOutputs.includes(name))]),
  ];
  const quantise = !isKeptExact && profile !== 'image' && isByteProfile(profile);
  const run = () => executor.run({ to: cut, feeds, fetches, quantise, ...signalOf(options) });
  return pace.stage('model', run, options.signal);
}

/** Outputs that are made behind the cut. */
export function tailFetches({ fetches }: RunArguments, { cut }: SplitArm): readonly string[] {
  return fetches.filter((name) => !cut.headOutputs.includes(name));
}

export function headOutputs({ values }: FrontierValues, { fetches }: RunArguments): Tensors {
  return pick(values, fetches);
}

/** Those that are there. */
function pick(values: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(
    names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}
