/** What inspecting a model found, before it is shown as text, page or JSON. */
import type { Cut } from '../cut/cut.ts';
import type { SurveyedCut } from '../cut/survey.ts';
import type { InputShapes } from '../session/open-model.ts';
import type { TensorInfo } from '../tensor.ts';
import { sizeText } from './frontier.ts';

export interface Inspection {
  /** Name of the file, without its folder. */
  readonly file: string;
  /** SHA-256 of the model. */
  readonly digest: string;
  /** Operators of the nodes, by position. */
  readonly ops: readonly string[];
  readonly inputs: readonly TensorInfo[];
  /** Shapes that were given on the command line. */
  readonly shapes: InputShapes;
  readonly cuts: readonly SurveyedCut[];
  /** What told the types: name and version of the runtime. */
  readonly runtime: string;
}

/** Of the offered cuts the one that sends least, the earliest of equals; undefined where no size is known. */
export function smallestOffered(cuts: readonly SurveyedCut[]): Cut | undefined {
  const offered = cuts.filter(({ isOffered, cut }) => isOffered && cut.bytes !== null);
  return offered.map(({ cut }) => cut).reduce<Cut | undefined>(smaller, undefined);
}

const smaller = (best: Cut | undefined, cut: Cut) =>
  best === undefined || (cut.bytes ?? 0) < (best.bytes ?? 0) ? cut : best;

/** The first line of everything that `inspect` shows. */
export function answer({ cuts, inputs, shapes }: Inspection): string {
  const offered = cuts.filter(({ isOffered }) => isOffered).length;
  const best = smallestOffered(cuts);
  if (offered === 0) return 'No cut of this model is offered: run it whole, on the device or in the cloud.';
  const count = `${offered} of ${cuts.length} legal cuts ${offered === 1 ? 'is' : 'are'} offered`;
  if (best === undefined) return `${count}; sizes are open until you say ${missingShapes(inputs, shapes)}.`;
  return `${count}; ${firstSmaller(cuts)}, the smallest at ${percent(best)} (${sizeText(best.bytes)}).`;
}

function firstSmaller(cuts: readonly SurveyedCut[]): string {
  const inputs = cuts[0]?.cut.position === 0 ? (cuts[0].cut.bytes ?? 0) : 0;
  const first = cuts.find(({ isOffered, cut }) => isOffered && cut.bytes !== null && cut.bytes < inputs)?.cut;
  if (first === undefined) return `none sends less than the inputs (${sizeText(inputs)})`;
  const sizes = `${sizeText(first.bytes)} of ${sizeText(inputs)}`;
  return `the first to send less than the inputs lies at ${percent(first)} of the nodes (${sizes})`;
}

/** Flags that would close the open dimensions. */
export function missingShapes(inputs: readonly TensorInfo[], shapes: InputShapes): string {
  const open = inputs.filter(
    ({ name, shape }) => !shapes[name] && !shape?.every((dim) => typeof dim === 'number'),
  );
  return open.map(({ name, shape }) => `--shape ${name}=${exampleDims(shape)}`).join(' ');
}

function exampleDims(shape: TensorInfo['shape']): string {
  return shape === null ? '...' : shape.map((dim) => (typeof dim === 'number' ? dim : dim || '?')).join(',');
}

/** Rounded down: 100 % is the whole model. */
export const depthPercent = ({ depth }: Cut): number => Math.floor(depth * 100);

export const percent = (cut: Cut): string => `${depthPercent(cut)} %`;
