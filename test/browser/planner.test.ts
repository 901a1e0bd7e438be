/** The planner is pure, so it must bundle for a browser as it is, and plan there what it plans in Node. */
import { rolldown } from 'rolldown';
import { describe, expect, it } from 'vitest';
import { hasChromium, openChromium } from '../support/chromium.ts';
import { askPlanner, type PlannerAnswer } from './planner-program.ts';

async function bundle(): Promise<string> {
  const build = await rolldown({
    input: new URL('planner-program.ts', import.meta.url).pathname,
    platform: 'browser',
    logLevel: 'silent',
  });
  const { output } = await build.generate({ format: 'iife', name: 'planner' });
  await build.close();
  return output[0].code;
}

describe('the planner', () => {
  it('bundles for a browser without anything of Node', async () => {
    expect(await bundle()).not.toMatch(/require\(|from ["']node:|process\./);
  });

  it.skipIf(!hasChromium())(
    'finds the same cuts and the same plan in Chromium, to the last bit',
    async () => {
      const browser = await openChromium();
      try {
        const page = await browser.newPage();
        await page.addScriptTag({ content: await bundle() });
        const there = (await page.evaluate('planner.askPlanner()')) as PlannerAnswer;
        expect(there).toEqual(askPlanner());
        expect(there.heads.length).toBeGreaterThan(2);
      } finally {
        await browser.close();
      }
    },
  );
});
