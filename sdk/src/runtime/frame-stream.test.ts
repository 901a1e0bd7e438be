import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMessageReader, type FramedMessage, writeMessage } from './frame-stream.ts';

it('messages come out as they went in, however the bytes are cut', () => {
  const message = fc.record({
    header: fc.jsonValue(),
    buffers: fc.array(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 3 }), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.integer({ min: 1, max: 64 }), (messages, size) => {
      const pipe = new PassThrough();
      for (const one of messages) writeMessage(pipe, one);
      const bytes = (pipe.read() as Buffer | null) ?? Buffer.alloc(0);
      const received: FramedMessage[] = [];
      const read = createMessageReader((one) => received.push(one));
      for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
      expect(
        received.map(({ header, buffers }) => ({ header, buffers: buffers.map((one) => [...one]) })),
      ).toEqual(
        messages.map(({ header, buffers }) => ({
          header,
          buffers: buffers.map((pieces) => pieces.flatMap((piece) => [...piece])),
        })),
      );
    }),
  );
});
