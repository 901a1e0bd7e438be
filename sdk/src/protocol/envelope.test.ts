import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSplitError } from '../errors.ts';
import { encodeCbor } from './cbor.ts';
import { decodeEnvelope, encodeEnvelope, headerBytes } from './envelope.ts';
import { MAX_HEADER_BYTES } from './limits.ts';
import { parseHeader } from './v1/messages.ts';

// Negative zero is written as the integer 0.
const number = fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0));
const value = fc.oneof(fc.string({ unit: 'binary' }), number, fc.boolean(), fc.nat());
const header = fc.dictionary(
  fc.string({ maxLength: 20 }).filter((key) => !(key in Object.prototype)),
  fc.oneof(value, fc.array(value, { maxLength: 5 })),
  { maxKeys: 10, noNullPrototype: true },
);

const request = {
  v: 1,
  t: 'request',
  id: 'abc',
  model: 'm',
  digest: 'd',
  cut: 'input',
  tensors: [{ name: 'x', bytes: 3 }],
  fetches: ['y'],
  replyProfile: 'float32',
  deadlineMs: 100,
  part: 0,
  parts: 1,
  totalBytes: 3,
  attempt: 1,
  windowBytes: 1024,
};

test('what is put into an envelope comes out of it', () => {
  fc.assert(
    fc.property(header, fc.array(fc.uint8Array(), { maxLength: 4 }), (head, pieces) => {
      const decoded = decodeEnvelope(encodeEnvelope(head, pieces));
      expect(decoded.header).toEqual(head);
      expect([...decoded.payload]).toEqual(pieces.flatMap((piece) => [...piece]));
    }),
  );
});

test('changed and random bytes give a message or a typed error', () => {
  const good = encodeEnvelope(request, [new Uint8Array(3)]);
  const changed = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
    .map((edits) => {
      const bytes = good.slice();
      for (const [at, byte] of edits) bytes[at] = byte;
      return bytes;
    });
  const cutShort = fc.nat(good.length).map((end) => good.slice(0, end));
  const framed = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((body) => {
    return Uint8Array.from([body.length, 0, 0, 0, ...body]);
  });
  fc.assert(
    fc.property(fc.oneof(changed, cutShort, framed, fc.uint8Array()), (bytes) => {
      expect(outcome(bytes)).toMatch(/^(request|part|credit|message-invalid|version-unsupported)$/);
    }),
    { numRuns: 2_000 },
  );
});

test('an unchanged request is read, and keys of a newer peer are dropped', () => {
  const { header: head } = decodeEnvelope(encodeEnvelope({ ...request, colour: 'red' }, [new Uint8Array(3)]));
  expect(parseHeader(head)).toEqual(request);
});

test.each([
  ['a bignum tag', [0xc2, 0x41, 1]],
  ['a shared reference', [0xd8, 28, 0x80]],
  ['a record', [0xd9, 0xdf, 0xff, 0x80]],
  ['an indefinite array', [0x9f, 0xff]],
  ['a map with a number as key', [0xa1, 1, 1]],
  ['an array longer than the bytes', [0x9a, 0xff, 0xff, 0xff, 0xff]],
  ['a string longer than the bytes', [0x79, 0xff, 0xff, 0x41]],
  ['nine levels of arrays', [0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0]],
  ['bytes after the value', [0xa0, 0]],
  ['an integer beyond 2^53', [0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
])('%s in a header is refused', (_, body) => {
  expect(() => decodeEnvelope(Uint8Array.from([body.length, 0, 0, 0, ...body]))).toThrow(
    expect.objectContaining({ code: 'message-invalid' }),
  );
});

test('a header over the limit is neither written nor read', () => {
  const big = { text: 'x'.repeat(MAX_HEADER_BYTES) };
  expect(() => encodeEnvelope(big)).toThrow(expect.objectContaining({ code: 'payload-too-large' }));
  const body = encodeCbor(big);
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length, true);
  bytes.set(body, 4);
  expect(() => decodeEnvelope(bytes)).toThrow(/header of 41\d\d bytes/);
});

test('another version is told apart from an invalid message', () => {
  expect(() => parseHeader({ ...request, v: 2 })).toThrow(
    expect.objectContaining({ code: 'version-unsupported' }),
  );
  expect(() => parseHeader({ t: 'hello' })).toThrow(expect.objectContaining({ code: 'message-invalid' }));
});

test('a claim of more parts than the bytes can hold is refused', () => {
  expect(() => parseHeader({ ...request, part: 2, parts: 4, totalBytes: 3000 })).toThrow(/part 2 of 4/);
  expect(parseHeader({ ...request, part: 2, parts: 3, totalBytes: 3000 })).toMatchObject({ parts: 3 });
});

test('the size of a header is known before it is sent', () => {
  expect(headerBytes(request)).toBe(encodeEnvelope(request).length);
});

function outcome(bytes: Uint8Array): string {
  try {
    return parseHeader(decodeEnvelope(bytes).header).t;
  } catch (error) {
    return isSplitError(error) ? error.code : String(error);
  }
}
