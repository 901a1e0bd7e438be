/** What a sealed message says in the clear, and which of its fields the seal vouches for. SECURITY.md explains both. */
import type { RouteStage, TensorField } from './messages.ts';

/** In a request's header: the payload is AES-256-GCM under a key of this device. */
export interface RequestSeal {
  /** Which of the device's keys. */
  readonly keyId: string;
  /** As the gateway announced it: new with each of its starts, so that nothing recorded before is taken again. */
  readonly epoch: string;
  /** Of this run of the device: 1 to 64 letters, digits, `_` or `-`, drawn at random. */
  readonly salt: string;
  /** Counts up from 1 with each request under this salt; the nonce is made of it. */
  readonly sequence: number;
}

/** In a result's header. */
export interface ResultSeal {
  /** 24 hexadecimal digits, drawn at random. */
  readonly nonce: string;
}

/** What a gateway says of seals in its announcement. */
export interface AnnouncedSeal {
  readonly epoch: string;
  /** `required`: requests in the clear are refused. */
  readonly policy: 'required' | 'optional';
}

/** Where a message belongs. The device's name is the topic's. */
export interface SealedRequest {
  readonly device: string;
  readonly gateway: string;
  readonly id: string;
  readonly model: string;
  readonly digest: string;
  readonly cut: string;
  readonly to?: string | undefined;
  readonly route?: readonly RouteStage[] | undefined;
  readonly tensors: readonly TensorField[];
  readonly fetches: readonly string[];
  readonly replyProfile: string;
  readonly dataClass?: string | undefined;
}

/** Associated data of a request: UTF-8 of a JSON array without spaces, as JSON.stringify writes it. */
export function requestData(request: SealedRequest, seal: RequestSeal): Uint8Array<ArrayBuffer> {
  const { fetches, replyProfile, dataClass } = request;
  return toBytes([
    'cutpoint/1/request',
    ...place(request, seal),
    lengths(request.tensors),
    fetches,
    replyProfile,
    ...wayOf(request),
    ...(dataClass === undefined ? [] : [dataClass]),
  ]);
}

/** Where to stop and who goes on; nothing for a request that says neither, whose data are those of older peers. */
function wayOf({ to, route }: SealedRequest): readonly unknown[] {
  if (to === undefined && route === undefined) return [];
  const stages = (route ?? []).map(({ cut, profile, gateways }) => [cut, profile, gateways ?? null]);
  return [[to ?? null, stages]];
}

/** Associated data of the result: to which request it belongs, and what is in it. */
export function resultData(
  request: SealedRequest,
  seal: RequestSeal,
  tensors: readonly TensorField[],
): Uint8Array<ArrayBuffer> {
  return toBytes(['cutpoint/1/result', ...place(request, seal), lengths(tensors)]);
}

function place({ device, gateway, id, model, digest, cut }: SealedRequest, seal: RequestSeal) {
  return [device, gateway, id, seal.keyId, seal.epoch, seal.salt, seal.sequence, model, digest, cut];
}

function lengths(tensors: readonly TensorField[]) {
  return tensors.map(({ name, bytes }) => [name, bytes]);
}

function toBytes(value: readonly unknown[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(JSON.stringify(value)));
}
