// Floats to symbols and back. In float64, as JavaScript computes: the same symbols to the last tie.

/** Stores least, greatest, and the sum of value - value, which is 0 unless one of them is no finite number. */
export function range(values: usize, count: i32, out: usize): void {
  let least = f32x4.splat(Infinity);
  let greatest = f32x4.splat(-Infinity);
  let sum = f32x4.splat(0);
  const vectors = count >> 2;
  for (let i = 0; i < vectors; i++) {
    const value = v128.load(values + (<usize>i << 4));
    least = f32x4.pmin(least, value);
    greatest = f32x4.pmax(greatest, value);
    sum = f32x4.add(sum, f32x4.sub(value, value));
  }
  let min = Mathf.min(Mathf.min(f32x4.extract_lane(least, 0), f32x4.extract_lane(least, 1)), Mathf.min(f32x4.extract_lane(least, 2), f32x4.extract_lane(least, 3)));
  let max = Mathf.max(Mathf.max(f32x4.extract_lane(greatest, 0), f32x4.extract_lane(greatest, 1)), Mathf.max(f32x4.extract_lane(greatest, 2), f32x4.extract_lane(greatest, 3)));
  let rest = f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3);
  for (let i = vectors << 2; i < count; i++) {
    const value = load<f32>(values + (<usize>i << 2));
    min = Mathf.min(min, value);
    max = Mathf.max(max, value);
    rest += value - value;
  }
  store<f32>(out, min);
  store<f32>(out, max, 4);
  store<f32>(out, rest, 8);
}

// 1.5 * 2^52: added to a number of at most 31 bits, it leaves the nearest whole one, ties to even, in the lowest bits.
const WHOLE: f64 = 6755399441055744;

// @ts-ignore: decorator
@inline
function quantisePair(pair: v128, inverse: v128, zeroPoint: v128, limit: v128): v128 {
  const exact = f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(pair), inverse), zeroPoint);
  // In this order of arguments a NaN becomes 0.
  return f64x2.add(f64x2.pmin(limit, f64x2.pmax(f64x2.splat(0), exact)), f64x2.splat(WHOLE));
}

// @ts-ignore: decorator
@inline
function quantiseFour(values: usize, inverse: v128, zeroPoint: v128, limit: v128): v128 {
  const value = v128.load(values);
  const low = quantisePair(value, inverse, zeroPoint, limit);
  const high = quantisePair(i64x2.shuffle(value, value, 1, 1), inverse, zeroPoint, limit);
  return i32x4.shuffle(low, high, 0, 2, 4, 6);
}

/** Whole vectors of sixteen: the memory behind the values must be readable, that behind the symbols writable. */
export function quantise(values: usize, count: i32, symbols: usize, inverse: f64, zeroPoint: f64, maxSymbol: i32): void {
  const scale = f64x2.splat(inverse);
  const offset = f64x2.splat(zeroPoint);
  const limit = f64x2.splat(<f64>maxSymbol);
  for (let i = 0; i < count; i += 16) {
    const from = values + (<usize>i << 2);
    const low = i16x8.narrow_i32x4_s(quantiseFour(from, scale, offset, limit), quantiseFour(from + 16, scale, offset, limit));
    const high = i16x8.narrow_i32x4_s(quantiseFour(from + 32, scale, offset, limit), quantiseFour(from + 48, scale, offset, limit));
    v128.store(symbols + i, i8x16.narrow_i16x8_u(low, high));
  }
}

// @ts-ignore: decorator
@inline
function dequantiseFour(symbols: v128, zeroPoint: v128, scale: v128): v128 {
  const low = f64x2.mul(f64x2.sub(f64x2.convert_low_i32x4_s(symbols), zeroPoint), scale);
  const high = f64x2.mul(f64x2.sub(f64x2.convert_low_i32x4_s(i64x2.shuffle(symbols, symbols, 1, 1)), zeroPoint), scale);
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

// @ts-ignore: decorator
@inline
function dequantiseWhole(symbols: v128, zeroPoint: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(symbols), zeroPoint), scale);
}

// @ts-ignore: decorator
@inline
function dequantiseAs(isWhole: bool, symbols: usize, count: i32, values: usize, zeroPoint: v128, scale: v128): void {
  for (let i = 0; i < count; i += 16) {
    const bytes = v128.load(symbols + i);
    const low = i16x8.extend_low_i8x16_u(bytes);
    const high = i16x8.extend_high_i8x16_u(bytes);
    const to = values + (<usize>i << 2);
    const a = i32x4.extend_low_i16x8_u(low), b = i32x4.extend_high_i16x8_u(low);
    const c = i32x4.extend_low_i16x8_u(high), d = i32x4.extend_high_i16x8_u(high);
    v128.store(to, isWhole ? dequantiseWhole(a, zeroPoint, scale) : dequantiseFour(a, zeroPoint, scale));
    v128.store(to, isWhole ? dequantiseWhole(b, zeroPoint, scale) : dequantiseFour(b, zeroPoint, scale), 16);
    v128.store(to, isWhole ? dequantiseWhole(c, zeroPoint, scale) : dequantiseFour(c, zeroPoint, scale), 32);
    v128.store(to, isWhole ? dequantiseWhole(d, zeroPoint, scale) : dequantiseFour(d, zeroPoint, scale), 48);
  }
}

/**
 * Whole vectors of sixteen, like quantise. Where the zero point is whole and small, and the scale a float32, float32 rounds
 * once, to the same: the difference is exact, and the product of 24 by 24 bits is too in float64.
 */
export function dequantise(symbols: usize, count: i32, values: usize, scale: f64, zeroPoint: f64): void {
  const isWhole = zeroPoint == Math.trunc(zeroPoint) && Math.abs(zeroPoint) < 8388608 && scale == <f64>(<f32>scale);
  if (isWhole) dequantiseAs(true, symbols, count, values, f32x4.splat(<f32>zeroPoint), f32x4.splat(<f32>scale));
  else dequantiseAs(false, symbols, count, values, f64x2.splat(zeroPoint), f64x2.splat(scale));
}
