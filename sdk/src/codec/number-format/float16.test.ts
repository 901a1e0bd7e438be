import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floatsToHalves, halvesToFloats } from './float16.ts';

// TypeScript's library of this target does not know it; the Node that runs the tests does.
const { Float16Array } = globalThis as unknown as {
  Float16Array: {
    new (buffer: ArrayBuffer): ArrayLike<number>;
    from(values: Float32Array): { buffer: ArrayBuffer };
  };
};
const ALL_HALVES = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

describe('float16', () => {
  it('reads all 65536 halves as Float16Array does', () => {
    const floats = halvesToFloats(ALL_HALVES);
    expect(floats).toEqual(Float32Array.from(new Float16Array(ALL_HALVES.buffer)));
    expect(Object.is(floats[0x8000], -0)).toBe(true);
  });

  it('gives every half back that is not NaN, and NaN for NaN', () => {
    const halves = encode(halvesToFloats(ALL_HALVES)).halves;
    for (const [bits, half] of halves.entries()) {
      if ((bits & 0x7fff) > 0x7c00) expect(half & 0x7fff).toBeGreaterThan(0x7c00);
      else if (half !== bits) expect.fail(`${bits} became ${half}`);
    }
  });

  it('rounds as Float16Array does at, and one float to either side of, every half-way point', () => {
    const floats = halvesToFloats(ALL_HALVES.subarray(0, 0x7c00));
    const middles = floats.slice(1).map((value, index) => (value + (floats[index] ?? 0)) / 2);
    const words = new Uint32Array(middles.buffer);
    const near = [-1, 0, 1].flatMap((step) => [...words].map((word) => word + step));
    const both = Uint32Array.from([...near, ...near.map((word) => word | 0x8000_0000)]);
    expectLikeFloat16Array(new Float32Array(both.buffer));
  });

  it('rounds any float as Float16Array does', () => {
    const bits = fc.uint32Array({ minLength: 1, maxLength: 200 });
    fc.assert(fc.property(bits, (words) => expectLikeFloat16Array(new Float32Array(words.slice().buffer))));
  });

  it('tells when a finite value became infinite, and takes infinity as it is', () => {
    expect(encode(Float32Array.of(65519.99, -65519.99)).fits).toBe(true);
    expect(encode(Float32Array.of(1, 65520)).fits).toBe(false);
    expect(encode(Float32Array.of(-1e30)).fits).toBe(false);
    expect(encode(Float32Array.of(Number.POSITIVE_INFINITY, Number.NaN)).fits).toBe(true);
  });
});

function encode(floats: Float32Array): { halves: Uint16Array; fits: boolean } {
  const halves = new Uint16Array(floats.length);
  return { fits: floatsToHalves(floats, halves), halves };
}

function expectLikeFloat16Array(floats: Float32Array): void {
  const { halves } = encode(floats);
  const expected = new Uint16Array(Float16Array.from(floats).buffer);
  for (const [index, value] of floats.entries()) {
    // The bits of NaN are left to each implementation.
    if (Number.isNaN(value)) expect((halves[index] ?? 0) & 0x7fff).toBeGreaterThan(0x7c00);
    else if (halves[index] !== expected[index])
      expect.fail(`${value} became ${halves[index]}, not ${expected[index]}`);
  }
}
