/**
 * Neurosurgeon's guess of a layer's time: for each type of layer a straight line through what was measured, over the
 * layer's work.
 */

export interface LayerSample {
  /** The operator, as `Conv`. */
  readonly kind: string;
  /** Floating-point operations, or bytes where a layer only moves them. */
  readonly work: number;
  readonly ms: number;
}

interface Fit {
  readonly baseMs: number;
  readonly msPerWork: number;
}

/**
 * By least squares; a type whose layers all have the same work is guessed at their mean. A guess is never below 0.
 * @returns the guess for a layer; undefined for a type that was not measured
 */
export function fitLayers(
  samples: readonly LayerSample[],
): (kind: string, work: number) => number | undefined {
  const kinds = new Set(samples.map(({ kind }) => kind));
  const fits = new Map([...kinds].map((kind) => [kind, fitOne(samples.filter((one) => one.kind === kind))]));
  return (kind, work) => {
    const fit = fits.get(kind);
    return fit && Math.max(0, fit.baseMs + fit.msPerWork * work);
  };
}

function fitOne(samples: readonly LayerSample[]): Fit {
  const meanWork = mean(samples.map(({ work }) => work));
  const meanMs = mean(samples.map(({ ms }) => ms));
  let shared = 0;
  let spread = 0;
  for (const { work, ms } of samples) {
    shared += (work - meanWork) * (ms - meanMs);
    spread += (work - meanWork) ** 2;
  }
  const msPerWork = spread === 0 ? 0 : shared / spread;
  return { baseMs: meanMs - msPerWork * meanWork, msPerWork };
}

const mean = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0) / values.length;
