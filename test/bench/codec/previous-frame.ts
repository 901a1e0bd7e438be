/**
 * Sequences from a camera: what building on the previous frame saves where the camera stands still, and what it costs
 * where things move. Bytes against the same profile without references, at the same scale; time of both encoders.
 */
import { type Codec, createCodec, type Reference } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import { readFrame } from '../../../sdk/src/codec/frame.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import { MOVING_SCENES, type Scene, STATIC_SCENES, sceneInputs } from './camera-scenes.ts';
import { benchModels, cutActivations } from './cut-model.ts';

const PROFILE = 'uint8+context+previous';
const FRAMES = 4;
const TIMED_RUNS = 5;
/** Over which bytes become time, for the loss in both together. */
const LINK_BITS_PER_SECOND = 20e6;
/** The scene that `staticGain` is of: a sensor's noise in good light, and a lamp's flicker. */
const MAIN_SCENE = 'noise 1.5';

interface Row {
  readonly scene: Scene;
  readonly cut: string;
  readonly aloneBytes: number;
  readonly nextBytes: number;
  readonly aloneMs: number;
  readonly nextMs: number;
  readonly predictor: number;
}

export async function measurePreviousFrames(
  progress: (text: string) => void,
): Promise<Record<string, number>> {
  const rows: Row[] = [];
  for (const model of benchModels()) {
    for (const scene of [...STATIC_SCENES, ...MOVING_SCENES]) {
      const inputs = await sceneInputs(model.shape, scene, FRAMES);
      const { cuts, close } = await cutActivations(model, 0, inputs);
      for (const { name, tensors } of cuts) rows.push(await measureSequence({ scene, cut: name }, tensors));
      await close();
    }
    for (const line of linesOf(rows.filter(({ cut }) => cut.startsWith(`${model.name} `)))) progress(line);
  }
  return summarise(rows);
}

/** The last frame of the sequence, alone and with what came before. */
async function measureSequence(what: Pick<Row, 'scene' | 'cut'>, tensors: readonly Tensor[]): Promise<Row> {
  const codec = createCodec({ deflate: deflateNode() });
  let reference: Reference | undefined;
  for (const tensor of tensors.slice(0, -1)) {
    reference = (await codec.encodeNext(tensor, PROFILE, { reference })).reference;
  }
  const last = tensors.at(-1) as Tensor;
  const [alone, next] = [await encoded(codec, last), await encoded(codec, last, reference)];
  const [aloneMs, nextMs] = await leastTimes([
    () => encoded(codec, last),
    () => encoded(codec, last, reference),
  ]);
  const { predictor } = readFrame(next);
  return { ...what, aloneBytes: alone.length, nextBytes: next.length, aloneMs, nextMs, predictor };
}

async function encoded(codec: Codec, tensor: Tensor, reference?: Reference): Promise<Uint8Array> {
  return (await codec.encodeNext(tensor, PROFILE, { reference })).frame;
}

/** In turn, so that what else the machine does meets both. */
async function leastTimes(ways: readonly [() => Promise<unknown>, () => Promise<unknown>]) {
  const least: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < TIMED_RUNS; run++) {
    for (const [index, way] of ways.entries()) {
      const startMs = performance.now();
      await way();
      least[index] = Math.min(least[index] as number, performance.now() - startMs);
    }
  }
  return least;
}

function linesOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.map(({ cut }) => cut))].map((cut) => {
    const cells = rows
      .filter((row) => row.cut === cut)
      .map((row) => `${row.scene.name} ${gainOf(row).toFixed(2)}${'-dc-'[row.predictor] ?? '?'}`);
    return `${cut.padEnd(38)} gain (d difference, c context, - neither): ${cells.join('  ')}`;
  });
}

function summarise(rows: readonly Row[]): Record<string, number> {
  const gain = (scene: string) =>
    Math.exp(mean(rows.filter((row) => row.scene.name === scene).map((row) => Math.log(gainOf(row)))));
  const moving = rows.filter(({ scene }) => MOVING_SCENES.includes(scene));
  const pans = moving.filter(({ scene }) => scene.panPixels > 0);
  const gains = STATIC_SCENES.map(({ name }) => [`staticGain(${name})`, gain(name)] as const);
  return {
    staticGain: gain(MAIN_SCENE),
    staticGainWorstCut: Math.min(...rows.filter(({ scene }) => scene.name === MAIN_SCENE).map(gainOf)),
    ...Object.fromEntries(gains),
    motionLoss: Math.max(...moving.map((row) => row.nextBytes / row.aloneBytes - 1)),
    motionLossWithTime: mean(pans.map((row) => totalMs(row, 'next') / totalMs(row, 'alone'))) - 1,
    motionLossWithTimeWorst: Math.max(...pans.map((row) => totalMs(row, 'next') / totalMs(row, 'alone'))) - 1,
    panGain: Math.exp(mean(pans.map((row) => Math.log(gainOf(row))))),
    previousEncodeTimeRatio: Math.exp(mean(rows.map(({ nextMs, aloneMs }) => Math.log(nextMs / aloneMs)))),
  };
}

/** To encode a frame and to send it. */
function totalMs(row: Row, way: 'next' | 'alone'): number {
  const [ms, bytes] = way === 'next' ? [row.nextMs, row.nextBytes] : [row.aloneMs, row.aloneBytes];
  return ms + (8000 * bytes) / LINK_BITS_PER_SECOND;
}

const gainOf = ({ aloneBytes, nextBytes }: Row) => aloneBytes / nextBytes;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
