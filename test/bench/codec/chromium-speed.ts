/** The codec's speed in headless Chromium beside Node's, on the same tensors, in turn. One thread each. */
import type { Browser, Page } from 'playwright-core';
import type { CodecProfile } from '../../../sdk/src/codec/codec.ts';
import type { CalibratedTables } from '../../../sdk/src/codec/entropy/calibrated-tables.ts';
import { type Tensor, tensorBytes } from '../../../sdk/src/tensor.ts';
import { type CodecPage, measureHere, type PageSpeed } from '../../browser/codec-page.ts';
import { hasChromium, openChromium } from '../../support/chromium.ts';
import { openSourcePage } from '../../support/source-server.ts';
import { interleave, median } from '../statistics.ts';

const PROFILE: CodecProfile = 'uint8+context';
const RUNS = 20;
const ROUNDS = 5;

/** Empty without a Chromium. The ratios say how many times Node's time Chromium takes. */
export async function measureChromium(tensors: readonly Tensor[]): Promise<Record<string, number>> {
  if (!hasChromium()) return {};
  const browser = await openChromium();
  try {
    const page = await openSourcePage(browser, '/test/browser/codec-page.ts');
    const [inNode, inPage] = [
      { encodeMs: 0, decodeMs: 0 },
      { encodeMs: 0, decodeMs: 0 },
    ];
    for (const tensor of tensors) {
      const { here, there } = await measureBoth(tensor, page);
      addTo(inNode, here);
      addTo(inPage, there);
    }
    const bytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor).length, 0);
    return {
      encodeMBpsChromium: bytes / inPage.encodeMs / 1000,
      decodeMBpsChromium: bytes / inPage.decodeMs / 1000,
      chromiumEncodeTimeRatio: inPage.encodeMs / inNode.encodeMs,
      chromiumDecodeTimeRatio: inPage.decodeMs / inNode.decodeMs,
    };
  } finally {
    await browser.close();
  }
}

async function measureBoth(tensor: Tensor, page: Page): Promise<{ here: PageSpeed; there: PageSpeed }> {
  const rounds: { here: PageSpeed; there: PageSpeed }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const there = await measureThere(tensor, page);
    rounds.push({ here: await measureHere(tensor, { profile: PROFILE, runs: RUNS }), there });
  }
  const middle = (where: 'here' | 'there'): PageSpeed => ({
    encodeMs: median(rounds.map((round) => round[where].encodeMs)),
    decodeMs: median(rounds.map((round) => round[where].decodeMs)),
  });
  return { here: middle('here'), there: middle('there') };
}

export interface PageCodecJob {
  readonly profile: CodecProfile;
  readonly tensor: Tensor;
  /** Made for each tensor where there are none. */
  readonly tables?: CalibratedTables;
}

/** Of each list, how many 10^6 bytes of the tensors a page encodes in a second, from medians of some rounds. */
export async function measurePageCodec(
  browser: Browser,
  lists: Readonly<Record<string, readonly PageCodecJob[]>>,
): Promise<Readonly<Record<string, number>>> {
  const page = await openSourcePage(browser, '/test/browser/codec-page.ts');
  const variants = Object.entries(lists).map(([name, jobs]) => {
    const measure = async () => {
      const speeds = [];
      for (const { tensor, profile, tables } of jobs)
        speeds.push(await measureThere(tensor, page, profile, tables));
      return speeds.reduce((sum, { encodeMs }) => sum + encodeMs, 0);
    };
    return [name, measure] as const;
  });
  const times = await interleave(Object.fromEntries(variants), ROUNDS);
  const bytesOf = (name: string) =>
    (lists[name] ?? []).reduce((sum, { tensor }) => sum + tensorBytes(tensor).length, 0);
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, bytesOf(name) / ms / 1000]));
}

function measureThere(
  { type, dims, data }: Tensor,
  page: Page,
  profile: CodecProfile = PROFILE,
  tables?: CalibratedTables,
): Promise<PageSpeed> {
  const base64 = Buffer.from(tensorBytes({ type, dims, data })).toString('base64');
  const carried = tables && { tables: Buffer.from(tables.bytes).toString('base64') };
  return page.evaluate(
    async ([tensor, how]) => {
      return (globalThis as unknown as CodecPage).pageModule.measure(tensor, how);
    },
    [
      { type, dims, base64 },
      { profile, runs: RUNS, ...carried },
    ] as const,
  );
}

function addTo(sum: { encodeMs: number; decodeMs: number }, { encodeMs, decodeMs }: PageSpeed): void {
  sum.encodeMs += encodeMs;
  sum.decodeMs += decodeMs;
}
