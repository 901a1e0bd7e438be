/** Feeds that tell rows apart: three rows of different sizes, and the middle one alone. */
import type { Tensor, TensorInfo, Tensors } from '../tensor.ts';
import { copyRow, joinRows, sizeAlong } from '../tensor-rows.ts';
import type { InputShapes } from './open-model.ts';
import { sampleTensor } from './sample-feeds.ts';

/** Axis of the rows by input; inputs without rows are not in it. */
export type RowAxes = ReadonlyMap<string, number>;

export interface RowFeeds {
  readonly alone: Tensors;
  readonly batch: Tensors;
  /** A batch of the lonely row and copies of it. */
  readonly twins: Tensors;
  readonly batchRows: number;
  readonly index: number;
}

/** The middle row is small and its neighbour large: where values mix, the small one shows it. */
const SCALES = [1, 1 / 64, 8] as const;
const LONELY = 1;

/**
 * Guesses, the likeliest first: a dimension called batch or N, then the first one of the inputs.
 * Whether one is right is for a run to show.
 */
export function guessRowAxes(inputs: readonly TensorInfo[]): RowAxes[] {
  const symbols = new Set(
    inputs.flatMap(({ shape }) => shape?.filter((dim) => typeof dim === 'string' && dim !== '') ?? []),
  );
  const named = [...symbols].filter((symbol) => /^(n|b|.*batch.*)$/i.test(String(symbol)));
  const byName = named.map((symbol) => axesWhere(inputs, (dim) => dim === symbol));
  const [first] = inputs.map(({ shape }) => shape?.[0]);
  const byPlace = new Map(
    inputs.filter(({ shape }) => isOpenOrSame(shape?.[0], first)).map(({ name }) => [name, 0]),
  );
  return [...byName, byPlace].filter(({ size }) => size > 0).slice(0, 2);
}

function axesWhere(inputs: readonly TensorInfo[], isRows: (dim: number | string) => boolean): RowAxes {
  const found = inputs.map(({ name, shape }) => [name, shape?.findIndex(isRows) ?? -1] as const);
  return new Map(found.filter(([, axis]) => axis >= 0));
}

/** A batch that is fixed must be fixed at one. */
function isOpenOrSame(dim: number | string | undefined, first: number | string | undefined): boolean {
  return dim !== undefined && dim === first && (typeof dim === 'string' || dim === 1);
}

/** Undefined where the size of an input is open. @param given example feeds, whose rows are taken in turn */
export function rowFeeds(
  inputs: readonly TensorInfo[],
  axes: RowAxes,
  { shapes, given }: { readonly shapes: InputShapes; readonly given?: Tensors | undefined },
): RowFeeds | undefined {
  const batch: [string, Tensor][] = [];
  const alone: [string, Tensor][] = [];
  const twins: [string, Tensor][] = [];
  for (const [index, info] of inputs.entries()) {
    const axis = axes.get(info.name);
    const example = given?.[info.name] ?? sampleOf(info, { shape: shapes[info.name], axis, seed: index + 1 });
    if (!example) return undefined;
    const rows =
      axis === undefined ? [] : SCALES.map((scale, i) => scaledRow(example, axis, { index: i, scale }));
    batch.push([info.name, axis === undefined ? example : joinRows(rows, axis)]);
    const lonely = rows[LONELY] ?? example;
    alone.push([info.name, lonely]);
    twins.push([
      info.name,
      axis === undefined
        ? example
        : joinRows(
            rows.map(() => lonely),
            axis,
          ),
    ]);
  }
  return {
    alone: Object.fromEntries(alone),
    batch: Object.fromEntries(batch),
    twins: Object.fromEntries(twins),
    batchRows: SCALES.length,
    index: LONELY,
  };
}

function sampleOf(
  { type, shape: declared }: TensorInfo,
  { shape, axis, seed }: { shape: readonly number[] | undefined; axis: number | undefined; seed: number },
): Tensor | undefined {
  const open = shape ?? declared;
  const dims = open?.map((dim, i) => (i === axis ? SCALES.length : dim));
  const closed = dims?.filter((dim) => typeof dim === 'number');
  return closed && closed.length === dims?.length ? sampleTensor({ type, dims: closed, seed }) : undefined;
}

function scaledRow(
  example: Tensor,
  axis: number,
  { index, scale }: { index: number; scale: number },
): Tensor {
  const row = copyRow(example, axis, index % sizeAlong(example, axis));
  const { data } = row;
  if (data instanceof Float32Array || data instanceof Float64Array)
    for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) * scale;
  return row;
}
