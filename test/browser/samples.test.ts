/** The samples' pages in Chromium, served by the gateway as their readers start them. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as camera from '../../samples/browser-camera/start.ts';
import * as dropIn from '../../samples/drop-in/start.ts';
import { hasChromium, openChromium } from '../support/chromium.ts';

const SIGN = ['NOTICE', 'DOUBLE', 'PARKING', 'PROHIBITED', 'AT ALLTIMES'];
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const UNTIL = { timeout: 60_000, interval: 100 };
/** A folder that gets screenshots, which docs/browser.md shows. */
const SCREENSHOTS = process.env.CUTPOINT_SCREENSHOTS;
const CAMERA = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'];
let browser: Browser;

beforeAll(async () => {
  if (hasChromium()) browser = await openChromium(CAMERA);
});
afterAll(() => browser?.close());

async function openPage(url: string, complaints: string[]): Promise<Page> {
  const page = await browser.newPage({ viewport: PHONE });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return page;
}

describe.skipIf(!hasChromium())('the page that reads text', { timeout: 120_000 }, () => {
  const complaints: string[] = [];
  let sample: camera.RunningSample;
  let page: Page;
  const status = () => page.locator('#status').textContent();
  const lines = () => page.locator('#lines li').allTextContents();

  beforeAll(async () => {
    sample = await camera.startSample({ more: ['--max-batch', '1', '--max-cuts', '2', '--threads', '1'] });
    page = await openPage(sample.url, complaints);
    await page.getByText(/^Ready\. onnxruntime-web .+ wasm, \d threads?/).waitFor({ timeout: 100_000 });
  }, 120_000);
  afterAll(() => sample?.stop());

  /** Another reading than the one that the page shows. */
  async function readAgain(): Promise<void> {
    await page.evaluate(() => document.querySelector('#status')?.replaceChildren());
    await page.locator('#example').press('Enter');
    await expect.poll(status, UNTIL).toMatch(/^5 lines read/);
  }

  it('reads the example with nothing but a keyboard, and shows lines, cuts and stages', async () => {
    for (let tabs = 0; tabs < 10; tabs++) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate(() => document.activeElement?.id)) === 'example') break;
    }
    await page.keyboard.press('Enter');
    await expect.poll(status, UNTIL).toMatch(/^5 lines read in \d+ ms\.$/);
    expect(await lines()).toEqual(SIGN);
    expect(await page.locator('#canvas').getAttribute('aria-label')).toMatch(/boxes around 5 lines of text/);
    const models = await page.locator('.model > p').allTextContents();
    expect(models).toEqual([
      expect.stringMatching(/^detector: .+ ms$/),
      expect.stringMatching(/^recogniser: /),
    ]);
    expect(await page.locator('.stages li').allTextContents()).toContainEqual(
      expect.stringMatching(/^head \d/),
    );
  });

  it('sets the rate of the link by arrow keys, and goes on reading', async () => {
    await page.locator('#rate').focus();
    const heard = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.keyboard.press('End');
    expect((await heard).status()).toBe(204);
    expect(await page.locator('#rate-text').textContent()).toBe('200 Mbit/s');
    expect(await page.locator('#rate').getAttribute('aria-valuetext')).toBe('200 Mbit/s');
    for (let readings = 0; readings < (SCREENSHOTS === undefined ? 1 : 6); readings++) await readAgain();
    expect(await lines()).toEqual(SIGN);
  });

  it.each([
    ['phone', PHONE],
    ['desktop', DESK],
  ] as const)('fits a %s, light and dark, and axe finds nothing serious', async (name, size) => {
    await page.setViewportSize(size);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
      ).toBeLessThanOrEqual(0);
      expect(await seriousViolations(page)).toEqual([]);
    }
    if (SCREENSHOTS !== undefined)
      await sharp(await page.screenshot({ fullPage: true }))
        .png({ palette: true, colours: 64, dither: 0.5 })
        .toFile(`${SCREENSHOTS}/browser-camera-${name}.png`);
  });

  it('reads what the camera sees until it is told to stop', async () => {
    const button = page.locator('#camera');
    await button.press('Enter');
    await expect.poll(() => button.getAttribute('aria-pressed'), UNTIL).toBe('true');
    // Chromium's own camera shows a clock and no sign.
    await expect.poll(lines, UNTIL).not.toEqual(SIGN);
    await button.press('Enter');
    expect(await button.getAttribute('aria-pressed')).toBe('false');
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(!hasChromium())('a page of onnxruntime-web', { timeout: 120_000 }, () => {
  it('says the same after the one line was changed', async () => {
    const read = async (name: string) =>
      (await readFile(new URL(`../../samples/drop-in/${name}.js`, import.meta.url), 'utf8')).split('\n');
    const [before, after] = [await read('before'), await read('after')];
    expect(after.length).toBe(before.length);
    expect(after.filter((line, at) => line !== before[at])).toEqual([
      expect.stringMatching(/createSplitSession/),
    ]);
    const sample = await dropIn.startSample();
    try {
      const answers = [];
      for (const url of [sample.before, sample.after]) {
        const complaints: string[] = [];
        const page = await openPage(url, complaints);
        const answer = () => page.locator('#answer').textContent();
        await expect.poll(answer, UNTIL).toMatch(/^Upright, \d+ % sure/);
        const upright = await answer();
        await page.locator('#turn').press('Enter');
        await expect.poll(answer, UNTIL).toMatch(/^Upside down, \d+ % sure/);
        answers.push([upright, await answer()]);
        expect(await seriousViolations(page)).toEqual([]);
        expect(complaints).toEqual([]);
        await page.close();
      }
      expect(answers[1]).toEqual(answers[0]);
    } finally {
      await sample.stop();
    }
  });
});

async function seriousViolations(page: Page): Promise<readonly string[]> {
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  await page.evaluate(await readFile(axe, 'utf8'));
  const found = await page.evaluate(async () => {
    const { axe: run } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await run.run()).violations.map(({ id, impact, nodes }) => ({
      impact,
      text: `${id}: ${nodes.map(({ html }) => html).join(' ')}`,
    }));
  });
  return found.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ text }) => text);
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}
