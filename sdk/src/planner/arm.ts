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
  /** Unique within a session: cut id and profile. */
  readonly id: string;
  readonly cut: Cut;
  /** How the frontier travels. `image` is the input as the application's picture file. */
  readonly profile: CodecProfile | 'image';
}

export const DEVICE_ARM: DeviceArm = Object.freeze({ kind: 'device', id: 'device' });

export function splitArm(cut: Cut, profile: SplitArm['profile']): SplitArm {
  return { kind: 'split', id: `${cut.id}/${profile}`, cut, profile };
}

export interface ArmRules {
  /** Profiles in which activations may travel: one arm for every cut and profile. */
  readonly profiles: readonly CodecProfile[];
  /** `stay`: the model's inputs never leave the device, neither as tensors nor as picture files. */
  readonly inputs: 'may-leave' | 'stay';
  /** Cuts shallower than this share of the nodes are not offered; 0 offers all. */
  readonly minDepth: number;
}

/** The arms that the rules allow. `inputCut` is the cut before the first node. */
export function allowedArms(inputCut: Cut, cuts: readonly Cut[], rules: ArmRules): readonly Arm[] {
  const inside = cuts
    .filter((cut) => cut.depth >= rules.minDepth)
    .flatMap((cut) => rules.profiles.map((profile) => splitArm(cut, profile)));
  if (rules.inputs === 'stay' || rules.minDepth > 0) return [DEVICE_ARM, ...inside];
  return [DEVICE_ARM, splitArm(inputCut, 'float32+deflate'), splitArm(inputCut, 'image'), ...inside];
}
