/** A gateway's side of sealed payloads: opens requests, each once, and closes their results. */
import { SplitError } from '../errors.ts';
import type { TensorField } from '../protocol/v1/messages.ts';
import {
  type AnnouncedSeal,
  type RequestSeal,
  type ResultSeal,
  requestData,
  resultData,
  type SealedRequest,
} from '../protocol/v1/sealed.ts';
import { createReplayWindow, type ReplayWindow } from './replay-window.ts';
import { deriveKeys, openBytes, type SealingKeys, sealBytes, sequenceNonce } from './sealing-keys.ts';

export interface GatewaySealOptions {
  readonly policy: 'required' | 'optional';
  /** The key if the device has it now, and may use it still; asked for each request. */
  findKey(device: string, keyId: string): Uint8Array<ArrayBuffer> | undefined;
  /** An id that nobody can guess, of letters and digits. */
  randomId(): string;
}

export interface OpenedRequest {
  readonly payload: Uint8Array;
  /** The result's bytes as they go out, and what its header says of them. */
  closeResult(
    tensors: readonly TensorField[],
    frames: readonly Uint8Array[],
  ): Promise<{ readonly frames: readonly Uint8Array[]; readonly seal?: ResultSeal }>;
}

export interface GatewaySeal {
  /** Changes when too many runs of devices were seen to tell them apart. */
  readonly announced: AnnouncedSeal;
  /** @throws SplitError `encryption-required`, `decryption-failed`, `request-replayed`, `gateway-unavailable` for an old epoch */
  open(
    request: SealedRequest & { readonly seal?: RequestSeal | undefined },
    payload: Uint8Array,
  ): Promise<OpenedRequest>;
}

/** One run of a device: its keys, and what of it was seen. */
interface Run {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly keys: SealingKeys;
  readonly window: ReplayWindow;
}

/** Runs that are told apart in one epoch, about 2 KiB each. */
const MAX_RUNS = 16_384;

export function createGatewaySeal(options: GatewaySealOptions): GatewaySeal {
  const { policy } = options;
  let epoch = options.randomId();
  let runs = new Map<string, Run>();

  function keyOf(device: string, seal: RequestSeal): Uint8Array<ArrayBuffer> {
    const key = options.findKey(device, seal.keyId);
    if (key) return key;
    throw new SplitError(
      'decryption-failed',
      `device ${device} has no key '${seal.keyId}' that is valid now`,
    );
  }

  /** Only after the seal held: nobody without a key adds to what is remembered. */
  function takeOnce(name: string, run: Run, seal: RequestSeal): void {
    if (seal.epoch !== epoch) throw staleEpoch();
    if (!runs.has(name) && runs.size >= MAX_RUNS) {
      // What was seen is forgotten only together with the epoch, so that it cannot come again.
      runs = new Map();
      epoch = options.randomId();
      throw staleEpoch();
    }
    const known = runs.get(name) ?? run;
    runs.set(name, known);
    if (known.window.take(seal.sequence)) return;
    throw new SplitError('request-replayed', `request ${seal.sequence} came before, or 1024 newer ones did`);
  }

  async function openSealed(
    request: SealedRequest,
    seal: RequestSeal,
    payload: Uint8Array,
  ): Promise<OpenedRequest> {
    if (seal.epoch !== epoch) throw staleEpoch();
    const key = keyOf(request.device, seal);
    const name = `${request.device}/${seal.keyId}/${seal.salt}`;
    const known = runs.get(name);
    const isSameKey = known?.key.every((byte, at) => byte === key[at]);
    const run =
      known && isSameKey
        ? known
        : { key, keys: await deriveKeys(key, seal.salt), window: createReplayWindow() };
    const context = {
      key: run.keys.request,
      nonce: sequenceNonce(seal.sequence),
      data: requestData(request, seal),
    };
    const plain = await openBytes(context, payload);
    takeOnce(name, run, seal);
    return {
      payload: plain,
      closeResult: (tensors, frames) => closeResult(run.keys, request, { seal, tensors, frames }),
    };
  }

  return {
    get announced() {
      return { epoch, policy };
    },
    open: async ({ seal, ...request }, payload) => {
      if (seal) return openSealed(request, seal, payload);
      if (policy === 'optional') return openPlain(payload);
      throw new SplitError(
        'encryption-required',
        'this gateway takes sealed requests only; give the session a key',
      );
    },
  };
}

/** A request in the clear, answered in the clear. */
export function openPlain(payload: Uint8Array): OpenedRequest {
  return { payload, closeResult: async (_, frames) => ({ frames }) };
}

async function closeResult(
  keys: SealingKeys,
  request: SealedRequest,
  result: {
    readonly seal: RequestSeal;
    readonly tensors: readonly TensorField[];
    readonly frames: readonly Uint8Array[];
  },
) {
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const data = resultData(request, result.seal, result.tensors);
  const sealed = await sealBytes({ key: keys.result, nonce, data }, result.frames);
  const digits = Array.from(nonce, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { frames: [sealed], seal: { nonce: digits } };
}

function staleEpoch(): SplitError {
  return new SplitError(
    'gateway-unavailable',
    'the gateway began a new epoch of seals; its announcement says which',
  );
}
