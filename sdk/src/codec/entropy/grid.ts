/**
 * How a tensor's symbols lie for the coder: planes (channels), each with rows and columns. Neighbours within a plane
 * foretell each other. Sixteen planes are coded side by side, one a lane.
 */
import { elementCount } from '../../tensor.ts';

export const LANES = 16;

/** `planar`: a plane's symbols are side by side in the tensor. `interleaved`: those of one position are. */
export type Layout = 'planar' | 'interleaved';

export interface Grid {
  readonly layout: Layout;
  readonly planes: number;
  /** Of one plane. */
  readonly rows: number;
  readonly columns: number;
}

/** Channels first from rank 4 up, as convolutions have them; channels last below, as sequences and vectors have them. */
export function usualLayout(dims: readonly number[]): Layout {
  return dims.length >= 4 ? 'planar' : 'interleaved';
}

/** Planar: `[batch, channel, ..., rows, columns]`. Interleaved: `[..., rows, columns, channel]`. Missing axes are 1. */
export function gridOf(dims: readonly number[], layout: Layout): Grid {
  if (layout === 'interleaved') {
    return {
      layout,
      planes: dims.at(-1) ?? 1,
      columns: dims.at(-2) ?? 1,
      rows: elementCount(dims.slice(0, -2)),
    };
  }
  // The channel is the second axis, or the first where nothing else would be left of the plane.
  const leading = Math.min(2, Math.max(0, dims.length - 1));
  return {
    layout,
    planes: elementCount(dims.slice(0, leading)),
    columns: dims.at(-1) ?? 1,
    rows: elementCount(dims.slice(leading, -1)),
  };
}

/** Groups of sixteen planes; the last may have fewer, and its other lanes cost no bytes. */
export function groupCount({ planes }: Grid): number {
  return Math.ceil(planes / LANES);
}

/** Places in the tensor of the symbols of one plane: `first + position * step`. */
export function planePlaces(grid: Grid, plane: number): { readonly first: number; readonly step: number } {
  if (grid.layout === 'interleaved') return { first: plane, step: grid.planes };
  return { first: plane * grid.rows * grid.columns, step: 1 };
}
