/** Version 1 byte for byte. A change that breaks one of these breaks every device and gateway in the field. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope } from '../envelope.ts';
import { type Announcement, decodeAnnouncement, encodeAnnouncement } from './announcement.ts';
import { type MessageHeader, parseHeader } from './messages.ts';

interface Golden {
  readonly messages: readonly {
    readonly name: string;
    readonly header: MessageHeader;
    /** Hexadecimal, as is `hex`: the whole message. */
    readonly payload: string;
    readonly hex: string;
  }[];
  /** The body of the message named `announcement`. */
  readonly announcement: Omit<Announcement, 'v' | 'gateway'>;
  /** The body of the message named `announcement with ranges`. */
  readonly ranged: Omit<Announcement, 'v' | 'gateway'>;
}

const golden = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8')) as Golden;

describe.each(golden.messages)('$name', ({ header, payload, hex }) => {
  test('is written to the byte', () => {
    expect(toHex(encodeEnvelope(header, [Buffer.from(payload, 'hex')]))).toBe(hex);
  });

  test('is read', () => {
    const envelope = decodeEnvelope(Buffer.from(hex, 'hex'));
    expect(parseHeader(envelope.header)).toEqual(header);
    expect(toHex(envelope.payload)).toBe(payload);
  });
});

test('every type of message has a vector', () => {
  const types = new Set(golden.messages.map(({ header }) => header.t));
  expect([...types].toSorted()).toEqual([
    'announcement',
    'cancel',
    'credit',
    'error',
    'hello',
    'part',
    'ping',
    'pong',
    'probe',
    'request',
    'result',
  ]);
});

test.each([
  ['announcement', golden.announcement],
  ['announcement with ranges', golden.ranged],
])('the body of an %s is written to the byte, and read', (wanted, body) => {
  const payload = golden.messages.find(({ name }) => name === wanted)?.payload ?? '';
  expect(toHex(encodeAnnouncement(body))).toBe(payload);
  expect(decodeAnnouncement('gw-1', Buffer.from(payload, 'hex'))).toEqual({ v: 1, gateway: 'gw-1', ...body });
});

test('a trace context that is none is left out, and the request goes on', () => {
  const request = golden.messages.find(({ header }) => header.t === 'request')?.header;
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  expect(parseHeader({ ...request, traceparent })).toEqual({ ...request, traceparent });
  expect(parseHeader({ ...request, traceparent: 'made up' })).toEqual(request);
});

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
