/** `@cutpoint/sdk`: what runs everywhere. Errors, tensors, cuts, codecs; no platform, no network. */
export type { Prediction } from './adaptive/controller.ts';
export { type Clock, systemClock } from './clock.ts';
export { CODEC_PROFILES, type CodecProfile } from './codec/codec.ts';
export { type ImageLayout, normaliseImage, type Pixels } from './codec/normalise-image.ts';
export type { Cut, CutTensor } from './cut/cut.ts';
export { asSplitError, ERROR_CODES, type ErrorCode, isSplitError, SplitError } from './errors.ts';
export type { Arm, DeviceArm, SplitArm } from './planner/arm.ts';
export type { StageTimes } from './planner/cost-model.ts';
export {
  elementCount,
  TENSOR_TYPES,
  type Tensor,
  type TensorData,
  type TensorInfo,
  type Tensors,
  type TensorType,
  tensorBytes,
  tensorFromBytes,
} from './tensor.ts';
