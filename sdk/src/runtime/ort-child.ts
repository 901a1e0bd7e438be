/** The process that started-child.ts starts: ONNX Runtime in a thread of it, messages on file descriptor 3. */
import { Socket } from 'node:net';
import { createMessageReader, type FramedMessage, writeMessage } from './frame-stream.ts';
import { toCallError } from './ort-errors.ts';
import { createOrtNode, type OrtNodeOptions } from './ort-node.ts';
import { type ChildReply, type ChildRequest, packTensors, unpackTensors } from './process-messages.ts';
import type { LoadedModel, Runtime } from './runtime.ts';
import { createSharedReader, type SharedReader } from './shared-file.ts';

const SOCKET = 3;
/** There if the second argument says so. */
const SHARED_FILE = 4;
const READ_BYTES = 1 << 20;

const shared = process.argv[3] === 'shared' ? createSharedReader(SHARED_FILE) : undefined;
await start(JSON.parse(process.argv[2] ?? '{}') as OrtNodeOptions, shared);

async function start(options: OrtNodeOptions, shared: SharedReader | undefined): Promise<void> {
  const waiting: FramedMessage[] = [];
  let receive: (message: FramedMessage) => void = (message) => waiting.push(message);
  const read = createMessageReader((message) => receive(message));
  const socket = new Socket({
    fd: SOCKET,
    readable: true,
    writable: true,
    onread: {
      buffer: Buffer.alloc(READ_BYTES),
      callback: (bytes, chunk) => {
        read(chunk.subarray(0, bytes));
        return true;
      },
    },
  });
  // Whoever started this process is gone, or wants no more of it.
  for (const event of ['end', 'close', 'error']) socket.on(event, () => process.exit(0));
  socket.resume();
  try {
    const runtime = await createOrtNode(options);
    reply(socket, { id: 0, value: { description: runtime.description, provider: runtime.provider } });
    receive = createServer(socket, runtime, shared);
    waiting.forEach(receive);
  } catch (error) {
    reply(socket, { id: 0, error: toCallError(error) });
    socket.end();
  }
}

function createServer(
  socket: Socket,
  runtime: Runtime,
  shared: SharedReader | undefined,
): (message: FramedMessage) => void {
  const models = new Map<number, LoadedModel>();
  const running = new Map<number, AbortController>();

  async function perform({ id, call }: ChildRequest, buffers: readonly Uint8Array[]) {
    switch (call.kind) {
      case 'load': {
        const { directory, optimization } = call;
        const bytes = buffers[0] ?? new Uint8Array();
        const loaded = await runtime.load({
          bytes,
          optimization,
          ...(directory !== undefined && { directory }),
        });
        models.set(call.model, loaded);
        return { value: { inputs: loaded.inputs, outputs: loaded.outputs } };
      }
      case 'run': {
        const used = call.models.map((id) => models.get(id) as LoadedModel);
        const feeds = unpackTensors(call.feeds, buffers);
        const stop = new AbortController();
        running.set(id, stop);
        const { fetches } = call;
        const made = runtime.run({ models: used, feeds, fetches, signal: stop.signal, handsOver: true });
        const result = await made.finally(() => running.delete(id));
        const packed = packTensors(result.values);
        return { value: { values: packed.heads, stepMs: result.stepMs }, buffers: packed.buffers };
      }
      case 'profile': {
        const [bytes = new Uint8Array(), ...rest] = buffers;
        const { directory } = call;
        const model = { bytes, ...(directory !== undefined && { directory }) };
        return { value: await runtime.profile?.(model, unpackTensors(call.feeds, rest)) };
      }
      case 'release': {
        const loaded = models.get(call.model);
        models.delete(call.model);
        await loaded?.release();
        return { value: undefined };
      }
      case 'abort':
        running.get(call.run)?.abort();
        return { value: undefined };
      case 'close':
        await runtime.close();
        return { value: undefined };
    }
  }

  /** What was placed is copied now, beside the run that is being made, and given back when its own run is over. */
  async function receivePlaced(request: ChildRequest, buffers: readonly Uint8Array[]) {
    if (!request.placed || !shared) return await perform(request, buffers);
    const placed = shared.read(request.placed);
    const whole = buffers.map((buffer, index) => placed.buffers.get(index) ?? buffer);
    return await perform(request, whole).finally(placed.giveBack);
  }

  return ({ header, buffers }) => {
    const request = header as ChildRequest;
    receivePlaced(request, buffers).then(
      (done) => reply(socket, { id: request.id, value: done.value }, 'buffers' in done ? done.buffers : []),
      (error: unknown) => reply(socket, { id: request.id, error: toCallError(error) }),
    );
  };
}

function reply(socket: Socket, header: ChildReply, buffers: readonly (readonly Uint8Array[])[] = []): void {
  writeMessage(socket, { header, buffers });
}
