/** Arms: what one request can do. Run on the device, or send what crosses a cut (the input itself included). */
import type { CodecProfile } from '../codec/codec.ts';
import type { Cut } from '../cut/cut.ts';

export type Arm = DeviceArm | SplitArm;

/** The whole model on the device: nothing is sent. */
export interface DeviceArm {
  readonly kind: 'device';
  readonly id: 'device';
}

/** Head on the device, tail behind a gateway. With the input cut the head is empty: cloud-only. */
export interface SplitArm {
  readonly kind: 'split';
  /** Unique within a session: the cuts' ids and the profile. */
  readonly id: string;
  readonly cut: Cut;
  /** Of a pipeline: the cuts at which the request is handed on from one gateway to the next, each behind the one before. */
  readonly via?: readonly Cut[] | undefined;
  /** Of a U: where the gateway stops, and the device goes on with what crosses there. Absent: the gateway goes on to the end. */
  readonly to?: Cut | undefined;
  /** How the frontier travels, of a U either way. `image` is the input as the application's picture file. */
  readonly profile: CodecProfile | 'image';
}

export const DEVICE_ARM: DeviceArm = Object.freeze({ kind: 'device', id: 'device' });

/** `FIRST/PROFILE`, with gateways in a row `FIRST>SECOND/PROFILE`, of a U `FIRST-LAST/PROFILE`: ids of cuts. */
export function armId(
  profile: string,
  {
    from,
    via = [],
    to,
  }: { readonly from: string; readonly via?: readonly string[]; readonly to?: string | undefined },
): string {
  return `${[from, ...via].join('>')}${to === undefined ? '' : `-${to}`}/${profile}`;
}

export function splitArm(cut: Cut, profile: SplitArm['profile']): SplitArm {
  return { kind: 'split', id: armId(profile, { from: cut.id }), cut, profile };
}

/** The middle of the model behind a gateway, both ends on the device. */
export function uArm(cut: Cut, to: Cut, profile: CodecProfile): SplitArm {
  return { kind: 'split', id: armId(profile, { from: cut.id, to: to.id }), cut, to, profile };
}

/** The same arm, run by several gateways in a row. */
export function pipelineArm(arm: SplitArm, via: readonly Cut[]): SplitArm {
  const { cut, to, profile } = arm;
  return { ...arm, id: armId(profile, { from: cut.id, via: via.map(({ id }) => id), to: to?.id }), via };
}

export interface ArmRules {
  /** Profiles in which activations may travel: one arm for every cut and profile. */
  readonly profiles: readonly CodecProfile[];
  /** `stay`: the model's inputs never leave the device, neither as tensors nor as picture files. */
  readonly inputs: 'may-leave' | 'stay';
  /** `stay`: the model's outputs are made on the device and never leave it. @default 'may-leave' */
  readonly outputs?: 'may-leave' | 'stay' | undefined;
  /** Cuts shallower than this share of the nodes are not offered; 0 offers all. */
  readonly minDepth: number;
  /** Gateways in a row that a request may pass. @default 1 */
  readonly stages?: number | undefined;
  /** Why what crosses a cut may not leave, where a policy says so. @default all may */
  readonly denial?: (cut: Cut, to?: Cut) => Error | undefined;
}

/** The arms that the rules allow. `inputCut` is the cut before the first node. */
export function allowedArms(inputCut: Cut, cuts: readonly Cut[], rules: ArmRules): readonly Arm[] {
  const arms = armsOfOneStage(inputCut, cuts, rules);
  const { stages = 1 } = rules;
  if (stages === 1) return arms;
  return [...arms, ...arms.flatMap((arm) => (arm.kind === 'split' ? pipelinesOf(arm, cuts, stages) : []))];
}

/** Every choice of cuts, in their order, between the arm's own. A picture is for who decodes it, which is one gateway. */
function pipelinesOf(arm: SplitArm, cuts: readonly Cut[], stages: number): readonly SplitArm[] {
  if (arm.profile === 'image') return [];
  const end = arm.to?.position ?? Number.POSITIVE_INFINITY;
  const between = cuts.filter(({ position }) => position > arm.cut.position && position < end);
  return choices(between, stages - 1).map((via) => pipelineArm(arm, via));
}

function choices(cuts: readonly Cut[], count: number): readonly (readonly Cut[])[] {
  if (count === 0) return [[]];
  return cuts.flatMap((cut, at) => choices(cuts.slice(at + 1), count - 1).map((rest) => [cut, ...rest]));
}

function armsOfOneStage(inputCut: Cut, cuts: readonly Cut[], rules: ArmRules): readonly Arm[] {
  const inputs = inputCut.tensors.map(({ name }) => name);
  const may = (cut: Cut, to?: Cut) => !rules.denial?.(cut, to);
  const first = cuts.filter(
    (cut) => cut.depth >= rules.minDepth && !(rules.inputs === 'stay' && crossesOneOf(cut, inputs)),
  );
  const isInputAtHome = rules.inputs === 'stay' || rules.minDepth > 0;
  if (rules.outputs === 'stay') {
    const pairs = [
      ...(isInputAtHome ? [] : uArms([inputCut], cuts, ['float32+deflate'])),
      ...uArms(first, cuts, rules.profiles),
    ];
    return [DEVICE_ARM, ...pairs.filter(({ cut, to }) => may(cut, to))];
  }
  const inside = first
    .filter((cut) => may(cut))
    .flatMap((cut) => rules.profiles.map((profile) => splitArm(cut, profile)));
  if (isInputAtHome || !may(inputCut)) return [DEVICE_ARM, ...inside];
  return [DEVICE_ARM, splitArm(inputCut, 'float32+deflate'), splitArm(inputCut, 'image'), ...inside];
}

/** Every two cuts between which nothing is made that may not leave. */
function uArms(
  first: readonly Cut[],
  last: readonly Cut[],
  profiles: readonly CodecProfile[],
): readonly SplitArm[] {
  return first.flatMap((cut) =>
    last
      .filter((to) => to.position > cut.position && keepsOutputs(cut, to))
      .flatMap((to) => profiles.map((profile) => uArm(cut, to, profile))),
  );
}

/** Whether no output of the model is made between the cuts, or crosses the first. */
export function keepsOutputs(cut: Cut, to: Cut): boolean {
  const made = new Set(cut.headOutputs);
  return to.headOutputs.every((name) => made.has(name)) && !crossesOneOf(cut, cut.headOutputs);
}

/** Whether a tensor of one of these names travels as it is. */
export function crossesOneOf({ tensors }: Cut, names: readonly string[]): boolean {
  return tensors.some(({ name }) => names.includes(name));
}
