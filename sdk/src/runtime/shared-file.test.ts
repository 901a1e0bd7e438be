import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { createSharedReader, openSharedFile, type Placement, type SharedFile } from './shared-file.ts';

const LARGE = 1 << 16;
let file: SharedFile | undefined;
afterEach(() => {
  file?.close();
  file = undefined;
});

it.runIf(process.platform === 'linux')(
  'what is placed is read as it was, whatever else is placed and freed',
  () => {
    file = openSharedFile();
    const shared = file as SharedFile;
    const reader = createSharedReader(shared.fd);
    const buffer = fc.record({ fill: fc.nat(255), pieces: fc.array(fc.nat(LARGE), { maxLength: 4 }) });
    const step = fc.record({ buffers: fc.array(buffer, { maxLength: 4 }), frees: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const held: { placement: Placement; buffers: Uint8Array[][] }[] = [];
        for (const { buffers: wanted, frees } of steps) {
          const buffers = wanted.map(({ fill, pieces }) => pieces.map((n) => new Uint8Array(n).fill(fill)));
          const placement = shared.place(buffers);
          const large = buffers.flatMap((pieces, i) => (Buffer.concat(pieces).length < LARGE ? [] : [i]));
          expect(placement?.buffers.map(([index]) => index) ?? []).toEqual(large);
          if (placement) held.push({ placement, buffers });
          for (const own of held) {
            const read = reader.read(own.placement);
            for (const [index, bytes] of read.buffers)
              expect(Buffer.from(bytes).equals(Buffer.concat(own.buffers[index] ?? []))).toBe(true);
            read.giveBack();
          }
          for (const { placement: freed } of held.splice(0, frees)) shared.free(freed);
        }
        shared.freeAll();
      }),
      { numRuns: 30 },
    );
  },
);

it.runIf(process.platform === 'linux')(
  'has no room beyond its limit, and has it again once that is freed',
  () => {
    file = openSharedFile(4 * LARGE);
    const shared = file as SharedFile;
    const most = [[new Uint8Array(4 * LARGE)]];
    const placement = shared.place(most) as Placement;
    expect(placement).toBeDefined();
    expect(shared.place([[new Uint8Array(LARGE)]])).toBeUndefined();
    shared.free(placement);
    expect(shared.place([[new Uint8Array(LARGE)]])).toMatchObject({ at: 0, bytes: LARGE });
  },
);
