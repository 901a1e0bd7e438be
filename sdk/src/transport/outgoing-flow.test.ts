import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createInbox } from './inbox.ts';
import { createOutgoingFlow } from './outgoing-flow.ts';
import { cutIntoParts } from './parts.ts';

const KIB = 1024;

test('sender and receiver never wait for each other, however the window changes', () => {
  const windows = fc.array(fc.integer({ min: 64 * KIB, max: 1024 * KIB }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 * KIB }), windows, (bytes, given) => {
      const parts = cutIntoParts([new Uint8Array(bytes)], 64 * KIB);
      const flow = createOutgoingFlow({ parts, attempt: 1, isProbe: false, mostMissing: 256 });
      const inbox = createInbox<string>({ maxPayloadBytes: 4096 * KIB });
      let arrived: ReturnType<typeof inbox.accept>['kind'] = 'partial';
      for (let step = 0; arrived !== 'whole'; step++) {
        const windowBytes = given[step % given.length] ?? 0;
        const part = flow.take(windowBytes);
        expect(part, `stuck at step ${step} of ${parts.count} parts`).toBeDefined();
        const fields = { part: part ?? 0, parts: parts.count, totalBytes: bytes, attempt: 1, windowBytes };
        const payload = new Uint8Array(parts.bytesOf(fields.part));
        // All at one time: no credit comes of waiting.
        const outcome = inbox.accept({
          ...{ sender: 'a', id: 'm', fields, payload, atMs: 0 },
          ...(part === 0 && { head: 'head' }),
        });
        if ('credit' in outcome && outcome.credit) flow.granted(outcome.credit);
        arrived = outcome.kind;
      }
    }),
  );
});

test('no part goes while a quarter of the window is under way and the next would exceed it', () => {
  const parts = cutIntoParts([new Uint8Array(300 * KIB)], 64 * KIB);
  const flow = createOutgoingFlow({ parts, attempt: 1, isProbe: false, mostMissing: 256 });
  expect([flow.take(64 * KIB), flow.take(64 * KIB), flow.take(64 * KIB)]).toEqual([0, 1, undefined]);
  flow.granted({ attempt: 1, receivedBytes: 8 * KIB, heldBytes: 8 * KIB });
  expect([flow.take(128 * KIB), flow.take(128 * KIB)]).toEqual([2, undefined]);
});
