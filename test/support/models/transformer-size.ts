/** Sizes of a transformer at a share of the full ones. */

export interface TransformerSize {
  readonly blocks: number;
  readonly heads: number;
  readonly width: number;
}

/** Heads keep their width of 64 down to a quarter of the scale, and then 16; at least two blocks and two heads. */
export function transformerSize(scale: number, blocks = 12, heads = 12): TransformerSize {
  const used = Math.max(2, Math.round(heads * scale));
  return {
    blocks: Math.max(2, Math.round(blocks * scale)),
    heads: used,
    width: used * (scale < 0.25 ? 16 : 64),
  };
}
