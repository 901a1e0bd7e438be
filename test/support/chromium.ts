/** Debian's Chromium, headless, driven by playwright-core, which brings no browser of its own. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

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
