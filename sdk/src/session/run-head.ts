/** The head of a request: what crosses its cut, and those outputs that are made before it. */
import type { CodecProfile } from '../codec/codec.ts';
import { isByteProfile } from '../codec/profile.ts';
import type { Cut } from '../cut/cut.ts';
import { crossesOneOf, type SplitArm } from '../planner/arm.ts';
import type { Tensors } from '../tensor.ts';
import type { FrontierValues } from './frontier-frames.ts';
import type { SplitModel } from './open-model.ts';
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
  { executor, pace, noise }: SessionParts,
  args: RunArguments,
  { cut, to, profile }: SplitArm,
  { isKeptExact = false }: HeadOptions = {},
): Promise<Timed<FrontierValues>> {
  const { feeds, options } = args;
  const crossing = cut.tensors.map(({ name }) => name);
  if (cut.position === 0) return { value: { values: pick(feeds, crossing) }, elapsedMs: 0 };
  const fetches = [
    ...new Set([...crossing, ...args.fetches.filter((name) => cut.headOutputs.includes(name))]),
  ];
  // Noise goes over floats; and of a U some of what crosses first is read again behind the second cut.
  const isExact = isKeptExact || noise !== undefined || to !== undefined;
  const quantise = !isExact && profile !== 'image' && isByteProfile(profile);
  const run = () => executor.run({ to: cut, feeds, fetches, quantise, ...signalOf(options) });
  return pace.stage('model', run, options.signal);
}

/** Whether one of the model's inputs crosses the cut as it is. */
export function sendsInput(cut: Cut, { inputs }: Pick<SplitModel, 'inputs'>): boolean {
  const names = inputs.map(({ name }) => name);
  return cut.position === 0 || crossesOneOf(cut, names);
}

/** What the gateway is asked for: outputs that are made behind the cut; of a U those made on the way, and what crosses back. */
export function tailFetches({ fetches }: RunArguments, { cut, to }: SplitArm): readonly string[] {
  const later = fetches.filter((name) => !cut.headOutputs.includes(name));
  if (to === undefined || later.length === 0) return later;
  const here = new Set(cut.tensors.map(({ name }) => name));
  const back = to.tensors.map(({ name }) => name).filter((name) => !here.has(name));
  return [...new Set([...later.filter((name) => to.headOutputs.includes(name)), ...back])];
}

/** How the gateway answers. What comes back of a U is no output: it travels as activations do. */
export function profileBack({ options }: SessionParts, { to, profile }: SplitArm): CodecProfile {
  return to && profile !== 'image' ? profile : options.replyProfile;
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
