/** A profile that nobody measured: times from operations and bytes, sizes from the codec profiles' names. It says so. */
import { type CodecProfile, isCodecProfile } from '../codec/codec.ts';
import type { Cut } from '../cut/cut.ts';
import { headOf } from '../cut/head.ts';
import { SplitError } from '../errors.ts';
import type { Graph } from '../onnx/graph.ts';
import type { Profile, ProfiledTransfer } from '../planner/profile.ts';
import { elementCount, TENSOR_TYPES, type TensorInfo } from '../tensor.ts';
import { guessNodeMs, type MachineGuess, nodeWork } from './flops.ts';
import { guessedTiming } from './measure.ts';
import { INPUT_PROFILES, REPLY_PROFILE } from './measure-transfers.ts';
import { type ProfileFacts, pictureTransfers, slowed } from './profile-model.ts';

/** Packing takes about as long as reading and writing every byte a few times. */
const CODEC_BYTES_PER_SECOND = 2e8;
/** As it is: copied. */
const COPIED_BYTES_PER_SECOND = 2e9;

export interface GuessRequest {
  readonly facts: ProfileFacts;
  readonly graph: Graph;
  /** Types at the shapes that are going to be fed. */
  readonly types: ReadonlyMap<string, TensorInfo>;
  readonly outputs: readonly TensorInfo[];
  readonly inputCut: Cut;
  readonly cuts: readonly Cut[];
  readonly profiles: readonly CodecProfile[];
  readonly machine: MachineGuess;
  readonly pictureBytes?: readonly number[] | undefined;
}

/** @throws SplitError `options-invalid` where the size of what crosses is open */
export function guessProfile(request: GuessRequest): Profile {
  const { facts, graph, types, outputs, inputCut, cuts, profiles, machine, pictureBytes = [] } = request;
  const nodeMs = guessNodeMs(nodeWork(graph, types), machine);
  const wholeMs = nodeMs.reduce((sum, ms) => sum + ms, 0);
  const timed = cuts.map((cut) => {
    const headMs = nodeMs.reduce((sum, ms, node) => (headOf(cut).has(node) ? sum + ms : sum), 0);
    const { id, name, depth, headOutputs } = cut;
    const left = outputs.filter((output) => !headOutputs.includes(output.name));
    return {
      ...{ id, name, depth, head: guessedTiming(headMs), tail: guessedTiming(wholeMs - headMs) },
      ...(left.length < outputs.length && { reply: guessedReply(left, types) }),
    };
  });
  const profile: Profile = {
    format: 'cutpoint-profile',
    version: 1,
    ...facts,
    slowdown: 1,
    inputs: 0,
    peakMemoryBytes: null,
    whole: guessedTiming(wholeMs),
    cuts: timed,
    transfers: [
      ...pictureTransfers(pictureBytes),
      ...INPUT_PROFILES.map((profile) => guessedTransfer(inputCut, profile)),
      ...cuts.flatMap((cut) => profiles.map((codec) => guessedTransfer(cut, codec))),
    ],
    reply: guessedReply(outputs, types),
  };
  return slowed(profile, facts.slowdown);
}

function guessedTransfer(cut: Cut, profile: CodecProfile): ProfiledTransfer {
  if (cut.bytes === null)
    throw new SplitError('options-invalid', `the size of cut ${cut.id} is open; give the inputs' shapes`);
  const rate = profile === 'float32' ? COPIED_BYTES_PER_SECOND : CODEC_BYTES_PER_SECOND;
  const codecMs = (cut.bytes / rate) * 1000;
  return {
    cutId: cut.position === 0 ? null : cut.id,
    profile,
    sentBytes: Math.ceil(cut.bytes * shareOf(profile)),
    spreadBytes: 0,
    encodeMs: codecMs,
    decodeMs: codecMs,
    isGuess: true,
  };
}

/** Of float32, before anything is packed: what packing saves nobody can tell without the tensors. */
function shareOf(profile: CodecProfile): number {
  if (profile.startsWith('uint4')) return 1 / 8;
  if (profile.startsWith('uint8') || profile.startsWith('step')) return 1 / 4;
  return profile.startsWith('float32') || !isCodecProfile(profile) ? 1 : 1 / 2;
}

function guessedReply(outputs: readonly TensorInfo[], types: GuessRequest['types']): Profile['reply'] {
  const bytes = outputs.reduce((sum, output) => {
    const { type, shape } = types.get(output.name) ?? output;
    const dims = shape?.filter((dim) => typeof dim === 'number') ?? [];
    return sum + TENSOR_TYPES[type].bytes * elementCount(dims);
  }, 0);
  const codecMs = (bytes / CODEC_BYTES_PER_SECOND) * 1000;
  return { profile: REPLY_PROFILE, bytes, encodeMs: codecMs, decodeMs: codecMs };
}
