/** Everything that goes over a broker, put together again: what somebody who listens would have. */
import { connectMqtt, decodeEnvelope } from '@cutpoint/sdk/gateway';

export interface CapturedTraffic {
  /** Names of the tensors that messages said they carry. */
  readonly names: ReadonlySet<string>;
  /** Whether these bytes went by in the payload of any message. */
  holds(bytes: Uint8Array): boolean;
  /** Results whose parts have all gone by. */
  readonly results: number;
  /** Forgets what it has. */
  clear(): void;
  close(): Promise<void>;
}

interface CapturedHeader {
  readonly t?: string;
  readonly id?: string;
  readonly part?: number;
  readonly parts?: number;
  readonly tensors?: readonly { readonly name: string }[];
}

/** @param broker that lets this listener hear every topic */
export async function captureTraffic(broker: string): Promise<CapturedTraffic> {
  const transport = await connectMqtt({ url: broker });
  const names = new Set<string>();
  /** By topic and message: its parts in their order. */
  const messages = new Map<string, Map<number, Uint8Array>>();
  const wholeResults = new Set<string>();
  const results = new Set<string>();
  await transport.subscribe('#', (topic, message) => {
    const { header, payload } = decodeEnvelope(message);
    const { t, id, part, parts, tensors = [] } = header as CapturedHeader;
    if (id === undefined || part === undefined) return;
    for (const { name } of tensors) names.add(name);
    const key = `${topic}/${id}`;
    const held = messages.get(key) ?? new Map<number, Uint8Array>();
    messages.set(key, held.set(part, payload));
    if (t === 'result') results.add(key);
    if (results.has(key) && held.size === parts) wholeResults.add(key);
  });
  const wholes = () =>
    [...messages.values()].map((parts) =>
      Buffer.concat([...parts].toSorted(([a], [b]) => a - b).map(([, payload]) => payload)),
    );
  return {
    names,
    holds: (bytes) => wholes().some((whole) => whole.includes(Buffer.from(bytes))),
    get results() {
      return wholeResults.size;
    },
    clear() {
      for (const seen of [names, messages, results, wholeResults]) seen.clear();
    },
    close: () => transport.close(),
  };
}
