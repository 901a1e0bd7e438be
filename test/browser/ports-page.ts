/** The web adapters of two ports, driven from Node: things by number, bytes as base64. */
import { isSplitError } from '../../sdk/src/errors.ts';
import { createOrtWeb, type OrtWebOptions } from '../../sdk/src/runtime/ort-web.ts';
import type { LoadedModel, Runtime } from '../../sdk/src/runtime/runtime.ts';
import { type Tensor, tensorBytes, tensorFromBytes } from '../../sdk/src/tensor.ts';
import { connectMqtt, type MqttOptions } from '../../sdk/src/transport/mqtt.ts';
import type { Subscription, Transport } from '../../sdk/src/transport/transport.ts';

export interface WireTensor {
  readonly type: Tensor['type'];
  readonly dims: readonly number[];
  readonly base64: string;
}

/** An error crosses as what it is made of. */
export type Result<T> =
  | { readonly value: T }
  | { readonly error: { readonly code: string; readonly message: string } };

/** Functions of the test that the page calls. */
interface Hooks {
  onMessage(subscription: number, topic: string, base64: string): Promise<void>;
  onState(transport: number, state: string): Promise<void>;
}

const hooks = globalThis as unknown as Hooks;
const things = new Map<number, unknown>();
let nextNumber = 1;

function keep(thing: unknown): number {
  things.set(nextNumber, thing);
  return nextNumber++;
}

const get = <T>(number: number) => things.get(number) as T;

async function resultOf<T>(work: () => Promise<T> | T): Promise<Result<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (isSplitError(error)) return { error: { code: error.code, message: error.message } };
    throw error;
  }
}

/** Runtime. */
export const runtime = {
  create: (options: OrtWebOptions) =>
    resultOf(async () => {
      const made = await createOrtWeb(options);
      return { number: keep(made), description: made.description, provider: made.provider };
    }),
  load: (number: number, base64: string, optimization?: 'disabled' | 'basic' | 'extended' | 'all') =>
    resultOf(async () => {
      const bytes = fromBase64(base64);
      const model = await get<Runtime>(number).load({ bytes, ...(optimization && { optimization }) });
      return { number: keep(model), inputs: model.inputs, outputs: model.outputs };
    }),
  release: (model: number) => resultOf(() => get<LoadedModel>(model).release()),
  run: (
    number: number,
    run: number,
    { models, feeds, fetches }: { models: number[]; feeds: [string, WireTensor][]; fetches: string[] },
  ) =>
    resultOf(async () => {
      const controller = new AbortController();
      things.set(-run, controller);
      const given = feeds.map(([name, tensor]) => [name, fromWire(tensor)] as const);
      const { values, stepMs } = await get<Runtime>(number).run({
        models: models.map((model) => get<LoadedModel>(model)),
        feeds: Object.fromEntries(given),
        fetches,
        signal: controller.signal,
      });
      const isIntact = given.every(([, tensor], i) => toBase64(tensorBytes(tensor)) === feeds[i]?.[1].base64);
      if (!isIntact) throw new Error('the runtime changed the arrays of its caller');
      const out = Object.entries(values).map(([name, tensor]) => [name, toWire(tensor)] as const);
      return { values: out, stepMs };
    }),
  abort: (run: number) => get<AbortController>(-run).abort(),
  close: (number: number) => resultOf(() => get<Runtime>(number).close()),
};

/** Transport. */
export const transport = {
  connect: (
    options: Omit<MqttOptions, 'will'> & { will?: { topic: string; base64: string; retain: boolean } },
  ) =>
    resultOf(async () => {
      const { will, ...rest } = options;
      const made = await connectMqtt({
        ...rest,
        ...(will && { will: { topic: will.topic, payload: fromBase64(will.base64), retain: will.retain } }),
      });
      const number = keep(made);
      made.onStateChange((state) => void hooks.onState(number, state));
      return number;
    }),
  isConnected: (number: number) => get<Transport>(number).isConnected,
  publish: (number: number, topic: string, base64: string, options?: { retain?: boolean }) =>
    resultOf(() => get<Transport>(number).publish(topic, fromBase64(base64), options)),
  subscribe: (number: number, subscription: number, filter: string) =>
    resultOf(async () => {
      const receive = (topic: string, payload: Uint8Array) =>
        void hooks.onMessage(subscription, topic, toBase64(payload));
      things.set(-subscription, await get<Transport>(number).subscribe(filter, receive));
    }),
  unsubscribe: (subscription: number) => resultOf(() => get<Subscription>(-subscription).close()),
  close: (number: number) => resultOf(() => get<Transport>(number).close()),
};

function fromWire({ type, dims, base64 }: WireTensor): Tensor {
  return tensorFromBytes(type, dims, fromBase64(base64));
}

function toWire(tensor: Tensor): WireTensor {
  return { type: tensor.type, dims: tensor.dims, base64: toBase64(tensorBytes(tensor)) };
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 32_768)
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 32_768)));
  return btoa(parts.join(''));
}
