import { appendFile, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Disk } from '../disk/disk.ts';
import { nodeDisk } from '../disk/node-disk.ts';
import { type DiskQueue, openDiskQueue } from './disk-queue.ts';

let folder: string;
let nowMs: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-queue-'));
  nowMs = 1e12;
});
afterEach(() => rm(folder, { recursive: true }));

const ALL = { count: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };
const open = (options: { maxBytes?: number; maxAgeMs?: number; disk?: Disk } = {}) =>
  openDiskQueue({
    disk: options.disk ?? nodeDisk(),
    folder,
    maxBytes: options.maxBytes ?? 1 << 20,
    maxAgeMs: options.maxAgeMs ?? 1e9,
    now: () => nowMs,
  });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const put = (queue: DiskQueue, value: string) => queue.put(Buffer.from(value));
const contents = async (queue: DiskQueue) => (await queue.peek(ALL)).map(({ bytes }) => text(bytes));

describe('the queue on the disk', () => {
  it('gives in order what was put in, and goes on where it was after it is opened again', async () => {
    const queue = await open();
    for (const value of ['a', 'b', 'c']) await put(queue, value);
    await queue.take(1);
    const again = await open();
    expect(await contents(again)).toEqual(['b', 'c']);
    expect(await put(again, 'd')).toBe(4);
    expect(await contents(again)).toEqual(['b', 'c', 'd']);
  });

  it('never gives a number twice, even when everything has been taken', async () => {
    const queue = await open();
    await put(queue, 'a');
    await queue.take(1);
    expect(await put(await open(), 'b')).toBe(2);
  });

  it('drops the oldest beyond its bytes and counts them', async () => {
    const queue = await open({ maxBytes: 16_384 });
    for (let i = 0; i < 100; i++) await put(queue, `${i}`.padEnd(500, ' '));
    const { bytes, count, dropped } = queue.state();
    expect(bytes).toBeLessThanOrEqual(16_384);
    expect(count + dropped).toBe(100);
    const left = await contents(queue);
    expect(left).toHaveLength(count);
    expect(left.map(Number)).toEqual(Array.from({ length: count }, (_, i) => 100 - count + i));
    await expect(queue.put(new Uint8Array(16_384))).rejects.toMatchObject({ code: 'payload-too-large' });
  });

  it('drops what is too old', async () => {
    const queue = await open({ maxAgeMs: 1_000 });
    await put(queue, 'old');
    nowMs += 2_000;
    await put(queue, 'new');
    expect(await contents(queue)).toEqual(['new']);
    expect(queue.state()).toMatchObject({ dropped: 1, count: 1 });
  });

  it('keeps all but the torn record when power is cut inside one', async () => {
    const queue = await open();
    for (const value of ['one', 'two', 'three']) await put(queue, value);
    const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.records'));
    await truncate(join(folder, name), 3 * 24 + 'onetwothree'.length - 1);
    const again = await open();
    expect(await contents(again)).toEqual(['one', 'two']);
    await put(again, 'four');
    expect(await contents(await open())).toEqual(['one', 'two', 'four']);
  });

  it('ignores what a bad disk left behind the records', async () => {
    const queue = await open();
    await put(queue, 'one');
    const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.records'));
    await appendFile(join(folder, name), Buffer.alloc(100, 0xff));
    expect(await contents(await open())).toEqual(['one']);
  });

  it('hides nothing behind a record that a full disk tore', async () => {
    let isFull = false;
    const disk: Disk = {
      ...nodeDisk(),
      async open(path, mode) {
        const file = await nodeDisk().open(path, mode);
        const append = async (bytes: Uint8Array) => {
          await file.append(isFull ? bytes.subarray(0, 5) : bytes);
          if (isFull) throw new SplitError('storage-failed', 'full');
        };
        return { ...file, append };
      },
    };
    const queue = await open({ disk });
    await put(queue, 'one');
    isFull = true;
    await expect(put(queue, 'lost')).rejects.toMatchObject({ code: 'storage-failed' });
    isFull = false;
    await put(queue, 'two');
    expect(await contents(queue)).toEqual(['one', 'two']);
    expect(await contents(await open())).toEqual(['one', 'two']);
  });

  it('behaves like a list, whatever is done to it', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), length: fc.nat(300) }),
      fc.record({ kind: fc.constant('take' as const), count: fc.nat(5) }),
      fc.record({ kind: fc.constant('reopen' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await rm(folder, { recursive: true, force: true });
        let queue = await open();
        let list: { sequence: number; value: string }[] = [];
        for (const action of steps) {
          if (action.kind === 'put') {
            const value = 'x'.repeat(action.length);
            list.push({ sequence: await put(queue, value), value });
          } else if (action.kind === 'take') {
            const last = list.at(Math.min(action.count, list.length) - 1);
            if (action.count === 0 || last === undefined) continue;
            await queue.take(last.sequence);
            list = list.filter(({ sequence }) => sequence > last.sequence);
          } else queue = await open();
          expect(await contents(queue)).toEqual(list.map(({ value }) => value));
        }
      }),
      { numRuns: 15 },
    );
  });
});
