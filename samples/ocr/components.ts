/** Connected regions of a probability map: neighbouring pixels, diagonals included, above a threshold. */

export interface Component {
  /** Of the pixels; right and bottom are exclusive. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly pixels: number;
  /** Mean over the component's pixels. */
  readonly probability: number;
}

export interface ProbabilityMap {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** In the order of their first pixels, row by row. */
export function findComponents(map: ProbabilityMap, threshold: number): Component[] {
  const components: Component[] = [];
  const seen = new Uint8Array(map.data.length);
  for (let start = 0; start < map.data.length; start++) {
    if (seen[start] === 1 || !isAbove(map, start, threshold)) continue;
    components.push(measure(map, collect(map, start, threshold, seen)));
  }
  return components;
}

/** Indices of all pixels connected with `start`. Marks them as seen. */
function collect(map: ProbabilityMap, start: number, threshold: number, seen: Uint8Array): number[] {
  const found = [start];
  seen[start] = 1;
  // Grows while it is walked, until every neighbour has been seen.
  for (const index of found) {
    for (const neighbour of neighbours(map, index)) {
      if (seen[neighbour] === 1 || !isAbove(map, neighbour, threshold)) continue;
      seen[neighbour] = 1;
      found.push(neighbour);
    }
  }
  return found;
}

function neighbours({ width, height }: ProbabilityMap, index: number): number[] {
  const x = index % width;
  const y = (index - x) / width;
  const around: number[] = [];
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
      around.push(row * width + column);
    }
  }
  return around;
}

function measure({ width, data }: ProbabilityMap, indices: readonly number[]): Component {
  const bounds = { left: Number.POSITIVE_INFINITY, top: Number.POSITIVE_INFINITY, right: 0, bottom: 0 };
  let sum = 0;
  for (const index of indices) {
    const x = index % width;
    const y = (index - x) / width;
    bounds.left = Math.min(bounds.left, x);
    bounds.top = Math.min(bounds.top, y);
    bounds.right = Math.max(bounds.right, x + 1);
    bounds.bottom = Math.max(bounds.bottom, y + 1);
    sum += data[index] ?? 0;
  }
  return { ...bounds, pixels: indices.length, probability: sum / indices.length };
}

function isAbove({ data }: ProbabilityMap, index: number, threshold: number): boolean {
  return (data[index] ?? 0) > threshold;
}
