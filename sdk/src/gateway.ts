/** `@cutpoint/sdk/gateway`: what a gateway is made of. */

export { modelLevel, modelSession } from './access/agent-names.ts';
export { createDeviceIndex, type DeviceIndex } from './access/device-index.ts';
export type { DeviceEntry, Devices, KeyEntry, LoginEntry } from './access/devices.ts';
export {
  type DevicesFile,
  type FollowOptions,
  followDevices,
} from './access/read-devices.ts';
export { type AuditLog, type AuditLogOptions, openAuditLog } from './audit/audit-log.ts';
export type { AuditEntry, AuditEvent, AuditHead } from './audit/entry.ts';
export { type AuditSink, type AuditTrail, createAuditTrail } from './audit/trail.ts';
export {
  type Codec,
  createCodec,
  type DecodeLimits,
  type DecodeNextOptions,
  isCodecProfile,
  type Reference,
} from './codec/codec.ts';
export { deflateNode } from './codec/deflate-node.ts';
export { type CalibratedTables, readCalibratedTables } from './codec/entropy/calibrated-tables.ts';
export type { ImageDecoder, ImageLimits } from './codec/image-frame.ts';
export { zstdNode } from './codec/zstd-node.ts';
export { candidateCuts } from './cut/candidates.ts';
export * from './index.ts';
export { checkRanks } from './parallel/check-ranks.ts';
export { fewestRanks, type RankMemory, rankMemory } from './parallel/rank-memory.ts';
export { openRankedExecutor } from './parallel/ranked-executor.ts';
export { createShardCache, type ShardCache, type WantedShards } from './parallel/shard-cache.ts';
export { weightBytes } from './parallel/wanted-weights.ts';
export {
  checkDescriptor,
  decodeDescriptorFile,
  type GatewayDescriptor,
  readDescriptor,
  type SignedDescriptor,
} from './placement/descriptor.ts';
export { type CounterStore, memoryCounters } from './placement/gate.ts';
export { createNotedGate } from './placement/noted-gate.ts';
export { signDescriptor } from './placement/sign-descriptor.ts';
export { type GatewayKey, readGatewayKeys } from './placement/verify-descriptor.ts';
export {
  type Breach,
  breachesOfCut,
  breachesOfEnd,
  breachesOfPlace,
  checkKept,
  deniedBy,
  needsDescriptor,
  type Place,
} from './planner/placement.ts';
export type { PlacementRules } from './planner/placement-policy.ts';
export { dataClasses, placementRules } from './planner/policy.ts';
export { decodeEnvelope, type Envelope, encodeEnvelope } from './protocol/envelope.ts';
export type { RouteStage, StageField } from './protocol/v1/messages.ts';
export { INPUT_END, OUTPUTS_END, servesRange } from './protocol/v1/ranges.ts';
export type { QuantisedTensor } from './quantised.ts';
export type { Executor, ExecutorRequest, ExecutorResult } from './runtime/executor/executor.ts';
export { createOrtNode, type OrtNodeOptions } from './runtime/ort-node.ts';
export {
  createOrtProcess,
  type OrtProcessOptions,
  type ProcessChange,
  type ProcessRuntime,
} from './runtime/ort-process.ts';
export type { Runtime } from './runtime/runtime.ts';
export { type Arrivals, createArrivals } from './serving/arrivals.ts';
export { type BatchCost, createBatchCost, type SizeCost } from './serving/batch-cost.ts';
export {
  type Admission,
  type Batching,
  createDispatcher,
  type DispatchedJob,
} from './serving/dispatcher.ts';
export type { LaneBook } from './serving/lane-book.ts';
export { observeProvider } from './session/observe-provider.ts';
export { openChain } from './session/open-chain.ts';
export {
  type ExecutorKind,
  type ExecutorReport,
  type OpenExecutorOptions,
  type OpenedExecutor,
  openExecutor,
} from './session/open-executor.ts';
export { openModel, type SplitModel } from './session/open-model.ts';
export { probeRows } from './session/probe-rows.ts';
export { sampleFeeds, sampleTensor } from './session/sample-feeds.ts';
export { fileSource } from './source/file.ts';
export { memorySource } from './source/memory.ts';
export type { ModelSource } from './source/model-source.ts';
export type { DeviceKey } from './transport/device-seal.ts';
export { createGatewaySeal, type GatewaySeal } from './transport/gateway-seal.ts';
export { connectMqtt, type MqttOptions, openMqtt } from './transport/mqtt.ts';
export { withoutLogin } from './transport/mqtt-options.ts';
export {
  type Announcement,
  createRequestClient,
  type NamedFrame,
  type Reply,
  type RequestClient,
} from './transport/request-client.ts';
export {
  type AnnouncedModel,
  type AnnouncementBody,
  createRequestServer,
  type IncomingRequest,
  type OutgoingReply,
  offlineWill,
  type RequestServer,
} from './transport/request-server.ts';
export type { PublishOptions, Receive, Subscription, Transport, Will } from './transport/transport.ts';
export { compareOutputs, type Difference } from './verify/compare.ts';
export { decodeNpy, encodeNpy } from './verify/npy.ts';
