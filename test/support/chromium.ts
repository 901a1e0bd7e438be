/** Debian's Chromium, headless, driven by playwright-core, which brings no browser of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';

// The last five keep it from calling home.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Tests that need a browser skip without one, unless CUTPOINT_REQUIRE names it. */
export function hasChromium(): boolean {
  const isRequired = (process.env.CUTPOINT_REQUIRE ?? '').split(',').includes('chromium');
  if (isRequired && !existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} is required and not there`);
  return existsSync(EXECUTABLE);
}

/** A browser with an empty profile. Whoever opens it closes it. */
export function openChromium(moreFlags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, headless: true, args: [...FLAGS, ...moreFlags] });
}

/** WebGPU computed on the processor by SwiftShader, which Chromium brings. */
export const WEBGPU_FLAGS: readonly string[] = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

export interface TabbedChromium {
  /** `bringToFront()` of one of its pages hides the others. */
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** A browser whose tabs are hidden behind one another as for a user: playwright's own are told that each is in front. */
export async function openTabbedChromium(): Promise<TabbedChromium> {
  const profile = await mkdtemp(join(tmpdir(), 'cutpoint-chromium-'));
  const args = [...FLAGS, '--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`];
  const child = spawn(EXECUTABLE, [...args, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const end = async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const url = await debuggingUrl(child);
    await firstTab(url);
    const browser = await chromium.connectOverCDP(url, { noDefaults: true, timeout: 60_000 });
    const [context] = browser.contexts();
    if (context === undefined) throw new Error('the browser has no context');
    return { context, close: () => browser.close().then(end) };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Who connects before the browser has made its first tab waits for it in vain. */
async function firstTab(url: string): Promise<void> {
  const list = `http://${new URL(url).host}/json/list`;
  for (let tries = 0; tries < 400; tries++) {
    const tabs = (await (await fetch(list)).json()) as { readonly type: string }[];
    if (tabs.some(({ type }) => type === 'page')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the browser made no tab');
}

function debuggingUrl({ stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (stderr === null) return reject(new Error('nothing can be read of the browser'));
    createInterface(stderr)
      .on('line', (line) => {
        const [, url] = /DevTools listening on (\S+)/.exec(line) ?? [];
        if (url !== undefined) resolve(url);
      })
      .on('close', () => reject(new Error('the browser ended before it was ready')));
  });
}
