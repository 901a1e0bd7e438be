/** Cuts: which nodes run on the device. A cut is legal when no value flows from cloud back to device. */
import type { TensorType } from '../tensor.ts';

/** One tensor that crosses a cut. */
export interface CutTensor {
  readonly name: string;
  readonly type: TensorType;
  /** Symbolic dimensions are strings; `null` is an unknown rank. */
  readonly shape: readonly (number | string)[] | null;
}

export interface Cut {
  /** Stable: a hash of what crosses and of the model's digest. 16 hexadecimal digits. */
  readonly id: string;
  /**
   * Number of nodes in the head, constants not counted. Unless `headNodes` says otherwise, these are the first
   * `position` nodes in the graph's topological order.
   */
  readonly position: number;
  /** The head's nodes by their places in that order, ascending. Only where they are not the first ones. */
  readonly headNodes?: readonly number[];
  /** `position` as a share of all nodes, 0 (everything in the cloud) to 1 (everything on the device). */
  readonly depth: number;
  /** The name of the largest tensor that crosses: what people call the cut by. */
  readonly name: string;
  readonly tensors: readonly CutTensor[];
  /** Outputs of the model that the head already makes: they stay on the device and do not cross. */
  readonly headOutputs: readonly string[];
  /** Bytes of all crossing tensors as they leave the head, uncompressed; `null` where a shape is unknown. */
  readonly bytes: number | null;
}
