import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readStates, writeStates } from './lane-states.ts';

const sixteen = fc.uint32Array({ min: 2 ** 15, max: 2 ** 31 - 1, minLength: 16, maxLength: 16 });

describe('states of lanes', () => {
  it('come back as they were, whatever follows them, in 38 to 68 bytes', () => {
    fc.assert(
      fc.property(sixteen, fc.uint8Array({ maxLength: 5 }), (states, rest) => {
        const bytes = writeStates(states);
        expect(bytes.length).toBeGreaterThanOrEqual(38);
        expect(bytes.length).toBeLessThanOrEqual(68);
        expect(readStates(Uint8Array.of(...bytes, ...rest))).toEqual({ states, length: bytes.length });
      }),
    );
  });

  it('are refused where bytes are missing', () => {
    fc.assert(
      fc.property(sixteen, (states) => {
        expect(() => readStates(writeStates(states).subarray(0, -1))).toThrow('rans:');
      }),
    );
  });

  it('are refused where the last byte is filled with anything but zeros', () => {
    const bytes = writeStates(new Uint32Array(16).fill(2 ** 16));
    // Sixteen times 4 and 16 bits fill whole bytes; one state less long leaves a bit.
    expect(bytes.length).toBe(40);
    const uneven = writeStates(new Uint32Array(16).fill(2 ** 16).fill(2 ** 15, 15));
    uneven[39] = (uneven[39] ?? 0) | 128;
    expect(() => readStates(uneven)).toThrow('not zero');
  });
});
