/** A picture on the canvas to lines of text, by two split sessions. The steps are those of the sample in ../ocr. */
import { normaliseImage, type SplitSession, type Tensors, type Trace } from '@cutpoint/sdk/web';
import type { Box } from '../ocr/box.ts';
import { LINE_HEIGHT, LINE_WIDTH, stackLines } from '../ocr/crop.ts';
import { decodeCtc } from '../ocr/ctc.ts';
import { textBoxes } from '../ocr/text-boxes.ts';

export interface TextLine {
  readonly text: string;
  readonly box: Box;
}

export interface ReadPicture {
  readonly lines: readonly TextLine[];
  readonly traces: Readonly<Record<string, Trace>>;
}

export interface Models {
  readonly detector: SplitSession;
  readonly recogniser: SplitSession;
  readonly alphabet: readonly string[];
}

/** What the models were trained with. */
const DETECTOR = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const RECOGNISER = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const LEAST_SCORE = 0.5;
/** More lines than this are read by their size, the largest first: a page has all the time it is given, a camera not. */
const MOST_LINES = 12;

export async function readText(
  canvas: HTMLCanvasElement,
  source: CanvasImageSource & { width?: unknown },
  { detector, recogniser, alphabet }: Models,
): Promise<ReadPicture> {
  const rgb = drawPicture(canvas, source);
  const { width, height } = canvas;
  const x = normaliseImage(
    { width, height, channels: 3, data: rgb },
    { ...DETECTOR, dims: [1, 3, height, width] },
  );
  const found = await run(detector, { x });
  const [mapHeight = 0, mapWidth = 0] = found.dims.slice(-2);
  const boxes = largest(textBoxes({ width: mapWidth, height: mapHeight, data: found.data }, canvas));
  if (boxes.length === 0) return { lines: [], traces: { detector: found.trace } };
  const stack = stackLines({ width, height, rgb, file: new Uint8Array() }, boxes);
  const dims = [boxes.length, 3, LINE_HEIGHT, LINE_WIDTH];
  const lines = await run(recogniser, {
    x: normaliseImage({ ...stack, channels: 3, data: stack.rgb }, { ...RECOGNISER, dims }),
  });
  const length = lines.data.length / boxes.length;
  const read = boxes.flatMap((box, index) => {
    const { text, score } = decodeCtc(lines.data.subarray(index * length, (index + 1) * length), alphabet);
    return text.trim() !== '' && score >= LEAST_SCORE ? [{ text, box }] : [];
  });
  return { lines: read, traces: { detector: found.trace, recogniser: lines.trace } };
}

async function run(session: SplitSession, feeds: Tensors) {
  let trace: Trace | undefined;
  const outputs = await session.run(feeds, {
    onTrace: (given) => {
      trace = given;
    },
  });
  const [output] = Object.values(outputs);
  if (!output || !trace) throw new Error('the model gave nothing');
  return { data: output.data as Float32Array, dims: output.dims, trace };
}

/** The picture within the canvas, as large as it fits, on grey. */
function drawPicture(canvas: HTMLCanvasElement, source: CanvasImageSource & { width?: unknown }): Uint8Array {
  const { width, height } = canvas;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser cannot draw');
  const own = sizeOf(source);
  const scale = Math.min(width / own.width, height / own.height);
  const [w, h] = [own.width * scale, own.height * scale];
  context.fillStyle = '#777';
  context.fillRect(0, 0, width, height);
  context.drawImage(source, (width - w) / 2, (height - h) / 2, w, h);
  const { data } = context.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    rgb[to++] = data[from] as number;
    rgb[to++] = data[from + 1] as number;
    rgb[to++] = data[from + 2] as number;
  }
  return rgb;
}

function sizeOf(source: CanvasImageSource): { readonly width: number; readonly height: number } {
  if (source instanceof HTMLVideoElement) return { width: source.videoWidth, height: source.videoHeight };
  return source as ImageBitmap;
}

function largest(boxes: readonly Box[]): Box[] {
  const area = ({ left, top, right, bottom }: Box) => (right - left) * (bottom - top);
  const kept = new Set(boxes.toSorted((a, b) => area(b) - area(a)).slice(0, MOST_LINES));
  return boxes.filter((box) => kept.has(box));
}
