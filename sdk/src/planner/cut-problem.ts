/** The cut problem: which nodes of a graph to run on the device, as numbers alone. No file, no model, no bandwidth yet. */
import { SplitError } from '../errors.ts';
import type { Line } from './envelope.ts';

export interface ProblemTensor {
  /** Bytes as it travels, so after the codec. Sent once, however many nodes read it. */
  readonly bytes: number;
  /** Index of the node that makes it; -1 for an input of the model, which the device has. */
  readonly producer: number;
  /** Indices of the nodes that read it, ascending, each once. */
  readonly consumers: readonly number[];
  /** `true`: it never crosses. Once it is made on the device, all that read it run there. */
  readonly mustStay?: boolean;
}

/** An output that the caller wants. Made in the head it is free; made in the tail it travels back. */
export interface ProblemOutput {
  readonly producer: number;
  readonly bytes: number;
}

/** Nodes are 0 to n - 1 in a topological order: what a node reads is made by a smaller index. */
export interface CutProblem {
  /** Milliseconds of each node on the device; what a node costs in a run that stays there. */
  readonly edgeMs: ArrayLike<number>;
  /** Milliseconds of each node behind the gateway. As many as `edgeMs`. */
  readonly cloudMs: ArrayLike<number>;
  readonly tensors: readonly ProblemTensor[];
  readonly outputs?: readonly ProblemOutput[];
  /** Milliseconds per byte of output that travels back. @default 0 */
  readonly downlinkMsPerByte?: number;
  /** Milliseconds that every run pays of which any node is in the cloud: round trip, queue. @default 0 */
  readonly splitMs?: number;
  /** Nodes that must run on the device, and with them all that they read from. */
  readonly pinnedToHead?: readonly number[];
  /** Nodes that must run in the cloud, and with them all that read from them. */
  readonly pinnedToTail?: readonly number[];
}

/** A head as a mask: 1 where the node runs on the device. */
export type HeadMask = Uint8Array;

/** @throws SplitError `options-invalid` for times or sizes that are not finite or below 0, and for a broken order */
export function checkCutProblem(problem: CutProblem): void {
  const { edgeMs, cloudMs, tensors, outputs = [], downlinkMsPerByte = 0, splitMs = 0 } = problem;
  const count = edgeMs.length;
  if (cloudMs.length !== count)
    throw invalid(`${count} times on the device and ${cloudMs.length} in the cloud`);
  for (let node = 0; node < count; node++) {
    checkAmount(`edgeMs of node ${node}`, edgeMs[node]);
    checkAmount(`cloudMs of node ${node}`, cloudMs[node]);
  }
  checkAmount('downlinkMsPerByte', downlinkMsPerByte);
  checkAmount('splitMs', splitMs);
  for (const [index, tensor] of tensors.entries()) checkTensor(tensor, index, count);
  for (const { producer, bytes } of outputs) {
    checkNode('producer of an output', producer, count);
    checkAmount('bytes of an output', bytes);
  }
  const { pinnedToHead = [], pinnedToTail = [] } = problem;
  for (const node of [...pinnedToHead, ...pinnedToTail]) checkNode('pinned node', node, count);
}

/** What a head costs at every bandwidth: milliseconds that do not depend on the uplink, and bytes that it carries. */
export function headLine(problem: CutProblem, head: HeadMask): Line {
  const { edgeMs, cloudMs, outputs = [], downlinkMsPerByte = 0, splitMs = 0 } = problem;
  let fixedMs = 0;
  let isWhole = true;
  for (let node = 0; node < edgeMs.length; node++) {
    const isHead = head[node] === 1;
    fixedMs += (isHead ? edgeMs[node] : cloudMs[node]) ?? 0;
    isWhole &&= isHead;
  }
  for (const { producer, bytes } of outputs) if (head[producer] !== 1) fixedMs += bytes * downlinkMsPerByte;
  return { fixedMs: isWhole ? fixedMs : fixedMs + splitMs, bytes: crossingBytes(problem, head) };
}

/** Whether a tensor is made in the head, or fed, and read in the tail. */
export function isCrossing({ producer, consumers }: ProblemTensor, head: HeadMask): boolean {
  return (producer < 0 || head[producer] === 1) && consumers.some((consumer) => head[consumer] !== 1);
}

/** Whether no value flows back from the cloud, nothing crosses that must stay, and pinned nodes are in their places. */
export function isAllowedHead(problem: CutProblem, head: HeadMask): boolean {
  const { tensors, pinnedToHead = [], pinnedToTail = [] } = problem;
  return (
    tensors.every((tensor) => isClosedAt(tensor, head) && !(tensor.mustStay && isCrossing(tensor, head))) &&
    pinnedToHead.every((node) => head[node] === 1) &&
    pinnedToTail.every((node) => head[node] !== 1)
  );
}

function isClosedAt({ producer, consumers }: ProblemTensor, head: HeadMask): boolean {
  return producer < 0 || head[producer] === 1 || consumers.every((consumer) => head[consumer] !== 1);
}

function crossingBytes({ tensors }: CutProblem, head: HeadMask): number {
  let bytes = 0;
  for (const tensor of tensors) if (isCrossing(tensor, head)) bytes += tensor.bytes;
  return bytes;
}

function checkTensor({ bytes, producer, consumers }: ProblemTensor, index: number, count: number): void {
  checkAmount(`bytes of tensor ${index}`, bytes);
  if (producer !== -1) checkNode(`producer of tensor ${index}`, producer, count);
  let before = producer;
  for (const consumer of consumers) {
    checkNode(`consumer of tensor ${index}`, consumer, count);
    if (consumer <= before) throw invalid(`tensor ${index}: node ${consumer} stands after node ${before}`);
    before = consumer;
  }
}

function checkAmount(what: string, value: number | undefined): void {
  if (value === undefined || !Number.isFinite(value) || value < 0)
    throw invalid(`${what} is ${value}; expected 0 or more`);
}

function checkNode(what: string, node: number, count: number): void {
  if (!Number.isInteger(node) || node < 0 || node >= count)
    throw invalid(`${what} is ${node}; there are ${count} nodes`);
}

function invalid(message: string): SplitError {
  return new SplitError('options-invalid', message);
}
