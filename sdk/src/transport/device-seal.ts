/** A device's side of sealed payloads: closes requests, opens the results that belong to them. */
import { SplitError } from '../errors.ts';
import type { TensorField } from '../protocol/v1/messages.ts';
import {
  type RequestSeal,
  type ResultSeal,
  requestData,
  resultData,
  type SealedRequest,
} from '../protocol/v1/sealed.ts';
import { deriveKeys, openBytes, parseKey, sealBytes, sequenceNonce } from './sealing-keys.ts';

/** A key that the gateway has for this device. */
export interface DeviceKey {
  /** 1 to 64 letters, digits, `_` or `-`: says which of the device's keys it is. */
  readonly keyId: string;
  /** 32 bytes as base64url. */
  readonly key: string;
}

export interface ClosedRequest {
  readonly seal: RequestSeal;
  readonly payload: Uint8Array;
  /** @throws SplitError `decryption-failed` */
  openResult(result: {
    readonly tensors: readonly TensorField[];
    readonly seal?: ResultSeal | undefined;
    readonly payload: Uint8Array;
  }): Promise<Uint8Array>;
}

export interface DeviceSeal {
  /** @param epoch as the gateway announced it */
  close(request: SealedRequest, epoch: string, frames: readonly Uint8Array[]): Promise<ClosedRequest>;
}

/**
 * @param salt drawn at random for this run of the device: nonces count up from 1 under it
 * @throws SplitError `options-invalid`
 */
export function createDeviceSeal({ keyId, key }: DeviceKey, salt: string): DeviceSeal {
  const derived = deriveKeys(parseKey(key, 'encryption.key'), salt);
  // Whoever awaits it hears of it; until then it is nobody's.
  derived.catch(() => undefined);
  let sequence = 0;
  return {
    close: async (request, epoch, frames) => {
      sequence += 1;
      const seal = { keyId, epoch, salt, sequence };
      const keys = await derived;
      const data = requestData(request, seal);
      const payload = await sealBytes({ key: keys.request, nonce: sequenceNonce(sequence), data }, frames);
      return {
        seal,
        payload,
        openResult: (result) => {
          if (!result.seal)
            throw new SplitError('decryption-failed', `the result of ${request.id} came without a seal`);
          const nonce = Uint8Array.from(result.seal.nonce.match(/../g) ?? [], (byte) =>
            Number.parseInt(byte, 16),
          );
          const about = resultData(request, seal, result.tensors);
          return openBytes({ key: keys.result, nonce, data: about }, result.payload);
        },
      };
    },
  };
}
