import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createInbox, type Inbox } from './inbox.ts';
import { cutIntoParts } from './parts.ts';

const KIB = 1024;

test('parts in any order, some of them twice, give the message once', () => {
  const sizes = fc.integer({ min: 0, max: 5_000_000 });
  const chunks = fc.integer({ min: KIB, max: 256 * KIB });
  fc.assert(
    fc.property(sizes, chunks, fc.infiniteStream(fc.nat(1_000)), (totalBytes, chunkBytes, luck) => {
      const message = patterned(totalBytes);
      const arrivals = shuffled(partsOf(message, chunkBytes), luck);
      const inbox = createInbox<string>({ maxPayloadBytes: 5_000_000 });
      const outcomes = arrivals.map((part) => inbox.accept(part));
      const whole = outcomes.flatMap((outcome) => (outcome.kind === 'whole' ? [outcome.message] : []));
      expect(whole).toHaveLength(1);
      expect(whole[0]?.head).toBe('head');
      expect(Buffer.compare(whole[0]?.payload ?? new Uint8Array(1), message)).toBe(0);
    }),
    { numRuns: 40 },
  );
});

test('a lost part is made up for by the next attempt', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB * KIB });
  const message = patterned(10 * KIB);
  const first = partsOf(message, KIB, 1).filter(({ fields }) => fields.part !== 3);
  for (const part of first) expect(inbox.accept(part).kind).toBe('partial');
  const second = partsOf(message, KIB, 2).slice(0, 4);
  expect(second.map((part) => inbox.accept(part).kind)).toEqual(['partial', 'partial', 'partial', 'whole']);
});

test('a claim over the limit is refused at the first part, and its other parts are ignored', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: 4 * KIB });
  const [first, second, ...rest] = partsOf(patterned(8 * KIB), KIB);
  expect(refusal(inbox, second)).toMatchObject({
    code: 'payload-too-large',
    message: /8192 bytes exceeds 4096/,
  });
  expect([first, ...rest].map((part) => part && inbox.accept(part).kind)).toEqual(Array(7).fill('ignored'));
  expect(refusal(inbox, partsOf(patterned(8 * KIB), KIB, 2)[0])).toMatchObject({ code: 'payload-too-large' });
});

test('parts that contradict each other are refused', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: 100 * KIB });
  const [first] = partsOf(patterned(8 * KIB), KIB);
  const [, second] = partsOf(patterned(9 * KIB), KIB);
  if (first) inbox.accept(first);
  expect(refusal(inbox, second)).toMatchObject({ code: 'message-invalid' });
});

test('parts that add up to less than they claim are refused at the last one', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: 100 * KIB });
  const [first, last] = partsOf(patterned(2 * KIB), KIB);
  if (first) inbox.accept(first);
  expect(refusal(inbox, last && { ...last, payload: last.payload.slice(1) })).toMatchObject({
    code: 'message-invalid',
  });
});

test('a sender cannot open more messages than its share, and old ones make room', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB * KIB, maxPerSender: 3, maxAgeMs: 100 });
  const open = (id: string, atMs: number, sender = 'a') =>
    partsOf(patterned(2 * KIB), KIB).map((part) => inbox.accept({ ...part, id, atMs, sender }).kind)[0];
  const openOnly = (id: string, atMs: number, sender = 'a') => {
    const [first] = partsOf(patterned(2 * KIB), KIB);
    return first && inbox.accept({ ...first, id, atMs, sender }).kind;
  };
  expect(['1', '2', '3', '4'].map((id) => openOnly(id, 0))).toEqual([
    'partial',
    'partial',
    'partial',
    'refused',
  ]);
  expect(openOnly('5', 0, 'b')).toBe('partial');
  expect(open('6', 100)).toBe('partial');
});

test('all senders together hold no more than the limit', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB * KIB, maxHeldBytes: 3 * KIB });
  const [first] = partsOf(patterned(2 * KIB), KIB);
  const kinds = ['a', 'b', 'c', 'd'].map((sender) => first && inbox.accept({ ...first, sender }).kind);
  expect(kinds).toEqual(['partial', 'partial', 'partial', 'refused']);
});

test('credit comes each quarter of the window, on a slow link each 100 ms, and at the end', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB * KIB });
  const parts = partsOf(patterned(20 * KIB), KIB);
  const credited = parts.map((part, index) => {
    const outcome = inbox.accept({ ...part, atMs: index === 9 ? 150 : part.atMs + (index > 9 ? 150 : 0) });
    return 'credit' in outcome ? outcome.credit?.receivedBytes : undefined;
  });
  const given = credited.flatMap((bytes, index) => (bytes === undefined ? [] : [[index, bytes / KIB]]));
  expect(given).toEqual([
    [3, 4],
    [7, 8],
    [9, 10],
    [13, 14],
    [17, 18],
    [19, 20],
  ]);
});

test('a message that fits the window is credited once, when it is whole', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB * KIB });
  const outcomes = partsOf(patterned(16 * KIB), KIB).map((part) => inbox.accept(part));
  expect(outcomes.findIndex((outcome) => 'credit' in outcome)).toBe(15);
});

test('a part that three later ones have passed is asked for by number, once', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB * KIB });
  const parts = partsOf(patterned(10 * KIB), KIB).filter(({ fields }) => ![2, 3].includes(fields.part));
  const asked = parts.map((part) => missingOf(inbox, part));
  expect(asked).toEqual([undefined, undefined, undefined, [2], [3], undefined, undefined, undefined]);
});

test('the last part brings up all that are missing, and so does the first one of a repeated message', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB * KIB });
  const message = patterned(6 * KIB);
  const [first, , , fourth, , last] = partsOf(message, KIB);
  expect([first, last, fourth].map((part) => part && missingOf(inbox, part))).toEqual([
    undefined,
    [1, 2, 3, 4],
    undefined,
  ]);
  const [again] = partsOf(message, KIB, 2);
  expect(again && missingOf(inbox, again)).toEqual([1, 2, 4]);
});

test('a small view of a large piece of memory is copied, so that held bytes are what they seem', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB });
  const payload = new Uint8Array(64 * KIB).subarray(5, 15);
  const fields = { part: 0, parts: 1, totalBytes: payload.length, attempt: 1, windowBytes: KIB };
  const outcome = inbox.accept({ sender: 'a', id: 'm', fields, head: 'head', payload, atMs: 0 });
  expect(outcome.kind === 'whole' && outcome.message.payload.buffer.byteLength).toBe(10);
});

test('the bytes that arrived after the first part are counted, with the times of the first and the last', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: KIB * KIB });
  const parts = partsOf(patterned(3 * KIB + 5), KIB);
  const outcomes = parts.map((part, index) => inbox.accept({ ...part, atMs: 10 + index }));
  expect(outcomes.at(-1)).toMatchObject({
    kind: 'whole',
    message: { firstArrivalMs: 10, lastArrivalMs: 13, headArrivalMs: 10, laterBytes: 2 * KIB + 5 },
  });
});

test('one sender cannot hold so much that another finds no room, and may again once it was dropped', () => {
  const inbox = createInbox<string>({ maxPayloadBytes: 8 * KIB, maxHeldBytes: 40 * KIB });
  const unfinished = (sender: string, id: string) =>
    refusal(inbox, { ...(partsOf(patterned(8 * KIB), 4 * KIB)[0] as Part), sender, id });
  expect(['a', 'b'].map((id) => unfinished('greedy', id))).toEqual(['partial', 'partial']);
  expect(unfinished('greedy', 'c')).toMatchObject({
    code: 'overloaded',
    message: expect.stringContaining('greedy hold'),
  });
  expect(unfinished('honest', 'a')).toBe('partial');
  inbox.forget('greedy', 'a');
  expect(unfinished('greedy', 'd')).toBe('partial');
});

type Part = Parameters<Inbox<string>['accept']>[0];

function refusal(inbox: Inbox<string>, part: Part | undefined): unknown {
  const outcome = part && inbox.accept(part);
  return outcome?.kind === 'refused' ? outcome.error : outcome?.kind;
}

function missingOf(inbox: Inbox<string>, part: Part): readonly number[] | undefined {
  const outcome = inbox.accept(part);
  return 'credit' in outcome ? outcome.credit?.missing : undefined;
}

function partsOf(message: Uint8Array, chunkBytes: number, attempt = 1): Part[] {
  const parts = cutIntoParts([message], chunkBytes);
  return Array.from({ length: parts.count }, (_, part) => ({
    sender: 'a',
    id: 'm',
    fields: { part, parts: parts.count, totalBytes: message.length, attempt, windowBytes: 16 * KIB },
    ...(part === 0 && { head: 'head' }),
    payload: parts.slice(part)[0] ?? new Uint8Array(0),
    atMs: 0,
  }));
}

/** Shuffles, and repeats some parts that are not the last to come. */
function shuffled(parts: readonly Part[], luck: Iterator<number>): Part[] {
  const keyed = parts.map((part) => ({ part, key: luck.next().value as number }));
  const ordered = keyed.sort((a, b) => a.key - b.key);
  return ordered.flatMap(({ part, key }, index) =>
    key % 5 === 0 && index < ordered.length - 1 ? [part, part] : [part],
  );
}

function patterned(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 7 + (index >> 8)) & 255;
  return bytes;
}
