/** `@cutpoint/sdk`: what runs everywhere. Errors, tensors, cuts, codecs; no platform, no network. */
export type { Prediction } from './adaptive/controller.ts';
export { type Clock, systemClock } from './clock.ts';
export { CODEC_PROFILES, type CodecProfile } from './codec/codec.ts';
export { type ImageLayout, normaliseImage, type Pixels } from './codec/normalise-image.ts';
export type { Cut, CutTensor } from './cut/cut.ts';
export {
  asSplitError,
  ERROR_CODES,
  type ErrorCode,
  isSplitError,
  SplitError,
  toErrorCode,
} from './errors.ts';
export type { Arm, DeviceArm, SplitArm } from './planner/arm.ts';
export {
  type CalibratedArm,
  type Calibration,
  readCalibration,
} from './planner/calibration.ts';
export { type TablesById, tablesOf } from './planner/calibration-tables.ts';
export { type Choice, type Constraints, chooseArm, type Wish } from './planner/constraints.ts';
export type { StageTimes } from './planner/cost-model.ts';
export type { CutProblem } from './planner/cut-problem.ts';
export { type ExplainOptions, explainPlan } from './planner/explain.ts';
export { type ModeNow, modeDifferences } from './planner/machine-mode.ts';
export type { Objective } from './planner/objective.ts';
export { type CutInterval, parametricCut } from './planner/parametric-cut.ts';
export { makePlan, type PlanRequest, planText } from './planner/plan.ts';
export { planAnswer } from './planner/plan-answer.ts';
export { type Plan, type PlanEntry, readPlan } from './planner/plan-file.ts';
export { lookUp, type MapAnswer, type MapPoint } from './planner/plan-map.ts';
export type { PlanLink, PlannedArm } from './planner/planned-arm.ts';
export { type Policy, resolvePolicy } from './planner/policy.ts';
export { type Profile, profileText, readProfile } from './planner/profile.ts';
export { armsFromProfiles, type ProfileArmsRequest, type Transfer } from './planner/profile-arms.ts';
export { transfersOf } from './planner/profile-transfers.ts';
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
