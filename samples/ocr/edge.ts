/**
 * The edge process of the sample: reads a photograph's text with two split models.
 * It shares nothing with the gateway but the broker. Whoever forked it says when the link has changed.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createSplitSession, type Tensors } from '@cutpoint/sdk/node';
import * as ort from 'onnxruntime-node';
import { measureStep, type Step } from './measure.ts';
import { modelPaths } from './models.ts';
import { type Picture, readPicture } from './picture.ts';
import { type ModelInput, readText } from './read-text.ts';
import { createStation, type StationName } from './station.ts';

/** From the parent. */
export interface EdgeCommand {
  readonly measure: { readonly bitsPerSecond: number };
}

/** To the parent. */
export type EdgeMessage =
  | {
      readonly ready: {
        readonly uncutText: readonly string[];
        readonly cuts: Readonly<Record<StationName, number>>;
      };
    }
  | { readonly step: Step }
  | { readonly failed: string };

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    photo: { type: 'string' },
    slowdown: { type: 'string', default: '1' },
  },
});

main().catch((error: unknown) => {
  send({
    failed:
      error instanceof Error ? `${'code' in error ? `[${error.code}] ` : ''}${error.message}` : String(error),
  });
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const picture = await readPicture(await readFile(values.photo as string));
  const inputs: Partial<Record<StationName, ModelInput>> = {};
  const uncutText = await readUncut(picture, inputs);
  const stations = {
    detector: await openStation('detector', picture, inputs),
    recogniser: await openStation('recogniser', picture, inputs),
  };
  const measured = inputs as Record<StationName, ModelInput>;
  // The first run of a session stays on the device and measures it.
  for (const station of Object.values(stations)) await station.run(measured[station.name], {});
  process.on('message', ({ measure }: EdgeCommand) => {
    measureStep(measure.bitsPerSecond, { stations, picture, inputs: measured }).then(
      (step) => send({ step }),
      (error: Error) => send({ failed: error.message }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  const cuts = { detector: countCuts(stations.detector), recogniser: countCuts(stations.recogniser) };
  send({ ready: { uncutText, cuts } });
}

function openModel(name: StationName): string {
  return name === 'detector' ? modelPaths().detector : modelPaths().recogniser;
}

async function openStation(
  name: StationName,
  _picture: Picture,
  inputs: Partial<Record<StationName, ModelInput>>,
) {
  const session = await createSplitSession(openModel(name), {
    broker: values.broker as string,
    model: `ocr-${name}`,
    device: `camera-${name}`,
    deadlineMs: 60_000,
    connectTimeoutMs: 20_000,
    // Probabilities: eight bits of them tell which letter is likeliest. The text is compared below all the same.
    replyProfile: 'uint8+deflate',
    inputShapes: Object.fromEntries(
      Object.entries(inputs[name]?.feeds ?? {}).map(([input, { dims }]) => [input, dims]),
    ),
    emulatedSlowdown: Number(values.slowdown),
  });
  return createStation(name, session);
}

/** The reference: both models whole, in ONNX Runtime as everybody uses it. Remembers what each model was fed. */
async function readUncut(
  picture: Picture,
  inputs: Partial<Record<StationName, ModelInput>>,
): Promise<readonly string[]> {
  const whole = async (name: StationName) => {
    const session = await ort.InferenceSession.create(openModel(name));
    return async (input: ModelInput): Promise<Tensors> => {
      inputs[name] = input;
      const feeds = Object.entries(input.feeds).map(([key, { type, data, dims }]) => [
        key,
        new ort.Tensor(type, data as Float32Array, dims),
      ]);
      const outputs = await session.run(Object.fromEntries(feeds));
      await session.release();
      return outputs as unknown as Tensors;
    };
  };
  const lines = await readText(picture, {
    detector: await whole('detector'),
    recogniser: await whole('recogniser'),
  });
  return lines.map(({ text }) => text);
}

function countCuts({
  session,
}: {
  readonly session: { readonly arms: readonly { readonly kind: string }[] };
}): number {
  const ids = session.arms.flatMap((arm) => ('cut' in arm ? [(arm.cut as { id: string }).id] : []));
  return new Set(ids).size - 1;
}

function send(message: EdgeMessage): void {
  process.send?.(message);
}
