/** Frames in, one MQTT message a frame out: which text is in it, where, and how it was found. */
import { createSplitSession, type SplitSession, type Trace } from '@cutpoint/sdk/node';
import { connectAsync, type MqttClient } from 'mqtt';
import { modelPaths } from '../ocr/models.ts';
import { readPicture } from '../ocr/picture.ts';
import { readText, type TextLine, type TextModel } from '../ocr/read-text.ts';
import type { Frame } from './frames.ts';

/** What is published for each frame, as JSON. */
export interface FrameResult {
  readonly frame: string;
  readonly lines: readonly TextLine[];
  /** By model: where it ran, and how long that took. A frame without text has no recogniser. */
  readonly models: Readonly<Record<string, Pick<Trace, 'arm' | 'cut' | 'depth' | 'totalMs' | 'fallback'>>>;
}

export interface PipelineOptions {
  /** Broker of the gateway, which also gets the results. */
  readonly broker: string;
  /** Where results go. */
  readonly topic: string;
}

/** Runs until there are no more frames. @returns how many there were */
export async function runPipeline(
  frames: AsyncIterable<Frame>,
  { broker, topic }: PipelineOptions,
): Promise<number> {
  const client = await connectAsync(broker);
  const detector = await open('detector', broker, [1, 3, 480, 640]);
  const recogniser = await open('recogniser', broker, [5, 3, 48, 320]);
  try {
    let count = 0;
    for await (const frame of frames) {
      await publish(client, topic, await readFrame(frame, { detector, recogniser }));
      count += 1;
    }
    return count;
  } finally {
    await Promise.all([detector.release(), recogniser.release(), client.endAsync()]);
  }
}

function open(name: 'detector' | 'recogniser', broker: string, shape: readonly number[]) {
  return createSplitSession(modelPaths()[name], {
    ...{ broker, model: `ocr-${name}`, inputShapes: { x: shape }, deadlineMs: 20_000 },
  });
}

async function readFrame(
  { name, file }: Frame,
  sessions: { readonly detector: SplitSession; readonly recogniser: SplitSession },
): Promise<FrameResult> {
  const models: Record<string, FrameResult['models'][string]> = {};
  const follow =
    (model: 'detector' | 'recogniser'): TextModel =>
    ({ feeds, images }) =>
      sessions[model].run(feeds, {
        ...(images && { images }),
        onTrace: ({ arm, cut, depth, totalMs, fallback }) => {
          models[model] = { arm, cut, depth, totalMs, ...(fallback && { fallback }) };
        },
      }) as ReturnType<TextModel>;
  const picture = await readPicture(file);
  const lines = await readText(picture, { detector: follow('detector'), recogniser: follow('recogniser') });
  return { frame: name, lines, models };
}

async function publish(client: MqttClient, topic: string, result: FrameResult): Promise<void> {
  await client.publishAsync(topic, JSON.stringify(result), { qos: 1 });
}
