/** The codec in Chromium: the same WebAssembly, the same bytes as Node's, and what Node sent decodes there. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodecProfile, Reference } from '../../sdk/src/codec/codec.ts';
import { createCodec } from '../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../sdk/src/codec/deflate-node.ts';
import { elementCount, type Tensor, tensorBytes } from '../../sdk/src/tensor.ts';
import { hasChromium, openChromium } from '../support/chromium.ts';
import { openSourcePage } from '../support/source-server.ts';
import type { CodecPage, PageTensor } from './codec-page.ts';

const codec = createCodec({ deflate: deflateNode() });
const PROFILES: readonly CodecProfile[] = [
  'uint8+context',
  'uint4+context',
  'uint8+rans',
  'uint8-channels+context',
  'step:0.1+context',
  'float16',
  'bfloat16',
  'float32',
];
const SHAPES = [[1, 20, 17, 23], [1, 30, 40], [700], [], [0, 3]];

describe.skipIf(!hasChromium())('the codec in Chromium', () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await openChromium();
    page = await openSourcePage(browser, '/test/browser/codec-page.ts');
  });
  afterAll(() => browser?.close());

  it('runs the WebAssembly kernels, not the slow ones', async () => {
    const name = await page.evaluate(async () => {
      return (globalThis as unknown as CodecPage).pageModule.kernelsName();
    });
    expect(name).toBe('wasm');
  });

  it.each(
    PROFILES,
  )('makes of %s the bytes that Node makes, and decodes them to the same values', async (profile) => {
    for (const dims of SHAPES) {
      const tensor = waves(dims);
      const frame = await codec.encode(tensor, profile);
      const got = await page.evaluate(
        async ([given, name]) => {
          const there = (globalThis as unknown as CodecPage).pageModule;
          const encoded = await there.encode(given, name);
          return { encoded, decoded: await there.decode(encoded) };
        },
        [toPage(tensor), profile] as const,
      );
      expect(got.encoded).toBe(base64(frame));
      expect(got.decoded).toEqual(toPage(await codec.decode(frame)));
    }
  });

  it('makes the same frames of a sequence, which Node decodes', async () => {
    const tensors = [0, 1, 2].map((frame) => waves([1, 16, 30, 30], frame));
    const profile = 'uint8+context+previous';
    let reference: Reference | undefined;
    const expected: string[] = [];
    for (const tensor of tensors) {
      const next = await codec.encodeNext(tensor, profile, { reference });
      reference = next.reference;
      expected.push(base64(next.frame));
    }
    const frames = await page.evaluate(
      async ([given, name]) => {
        const there = (globalThis as unknown as CodecPage).pageModule;
        return there.encodeSequence(given, name);
      },
      [tensors.map(toPage), profile] as const,
    );
    expect(frames).toEqual(expected);
    expect(expected[1]?.length).toBeLessThan((expected[0]?.length ?? 0) / 2);
  });
});

function waves(dims: readonly number[], frame = 0): Tensor {
  const data = Float32Array.from(
    { length: elementCount(dims) },
    (_, i) => Math.max(-0.2, Math.sin(i / 5) + Math.cos(i / 71)) + ((i * 31 + frame * 7) % 11) / 500,
  );
  return { type: 'float32', dims, data };
}

function toPage(tensor: Tensor): PageTensor {
  return { type: tensor.type, dims: tensor.dims, base64: base64(tensorBytes(tensor)) };
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
