/** Serves the repository's TypeScript to a browser page as modules: types are stripped, nothing is bundled or built. */
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';

const ROOT = new URL('../../', import.meta.url);
/** Reserved for tests; requests to it never leave the browser. */
const ORIGIN = 'https://cutpoint.test';

/**
 * A page that has imported the module at `path`, as `/test/browser/x.ts`, and holds its exports in
 * `globalThis.pageModule`. Close the browser to close it.
 */
export async function openSourcePage(browser: Browser, path: string): Promise<Page> {
  const body = `<!doctype html><script type="module">
    import * as pageModule from ${JSON.stringify(path)};
    globalThis.pageModule = pageModule;</script>`;
  const page = await browser.newPage();
  await page.route(`${ORIGIN}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/') return route.fulfill({ contentType: 'text/html', body });
    if (!pathname.endsWith('.ts')) return route.fulfill({ status: 404 });
    const file = new URL(`.${pathname}`, ROOT);
    if (!file.href.startsWith(ROOT.href)) return route.fulfill({ status: 404 });
    const script = stripTypeScriptTypes(await readFile(fileURLToPath(file), 'utf8'));
    return route.fulfill({ contentType: 'text/javascript', body: script });
  });
  const failed = new Promise<never>((_, reject) => page.once('pageerror', reject));
  await page.goto(`${ORIGIN}/`);
  await Promise.race([page.waitForFunction('globalThis.pageModule'), failed]);
  return page;
}
