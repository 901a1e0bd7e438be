/** Amounts in sentences: `231 ms`, `10 kB`. */

export function msText(ms: number): string {
  return `${ms < 10 ? Number(ms.toPrecision(2)) : Math.round(ms)} ms`;
}

export function byteText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} bytes`;
  return bytes < 1e6
    ? `${Number((bytes / 1e3).toPrecision(3))} kB`
    : `${Number((bytes / 1e6).toPrecision(3))} MB`;
}
