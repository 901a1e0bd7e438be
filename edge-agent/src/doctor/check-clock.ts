/** Whether the clock is right, by what this machine itself wrote, by signed bundles, and by a web server where one is named. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openBundle } from '@cutpoint/sdk/bundle';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

const HOUR_MS = 3_600_000;
const FEW_SECONDS_MS = 5_000;
const ADVICE =
  'set the clock, and let it be set: timedatectl set-ntp true; certificates are refused until then';

export async function checkClock({ config, now, clockUrl }: Examination): Promise<readonly Finding[]> {
  const written = await newestIn(config.state);
  if (written > now() + HOUR_MS)
    return [failure('clock', `it says ${iso(now())}, but this agent wrote files at ${iso(written)}`, ADVICE)];
  const signed = await newestBundle(config.state, Object.keys(config.models));
  if (signed > now() + HOUR_MS)
    return [
      failure('clock', `it says ${iso(now())}, but the bundle in use was made at ${iso(signed)}`, ADVICE),
    ];
  if (clockUrl === undefined)
    return [ok('clock', `${iso(now())}; compared with files only (--clock URL asks a server)`)];
  return [await checkServer(clockUrl, now)];
}

async function checkServer(url: string, now: () => number): Promise<Finding> {
  const reply = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(FEW_SECONDS_MS) }).catch(
    () => undefined,
  );
  const date = Date.parse(reply?.headers.get('date') ?? '');
  if (Number.isNaN(date))
    return warning('clock', `${url} tells no time`, 'name a web server that can be reached');
  const offMs = now() - date;
  if (Math.abs(offMs) <= FEW_SECONDS_MS) return ok('clock', `${iso(now())}, as ${url} says`);
  const text = `it says ${iso(now())}, ${durationText(Math.abs(offMs))} ${offMs > 0 ? 'ahead of' : 'behind'} ${url}`;
  return Math.abs(offMs) > HOUR_MS ? failure('clock', text, ADVICE) : warning('clock', text, ADVICE);
}

function durationText(ms: number): string {
  const hours = ms / HOUR_MS;
  if (hours >= 48) return `${(hours / 24).toFixed(0)} days`;
  return hours >= 1 ? `${hours.toFixed(0)} hours` : `${(ms / 1000).toFixed(0)} s`;
}

async function newestIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const times = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return Math.max(0, ...times);
}

async function newestBundle(state: string, models: readonly string[]): Promise<number> {
  const folders = models.flatMap((model) => ['a', 'b'].map((slot) => join(state, 'models', model, slot)));
  const bundles = await Promise.all(folders.map((folder) => openBundle(folder).catch(() => undefined)));
  return Math.max(0, ...bundles.map((bundle) => (bundle ? Date.parse(bundle.manifest.createdAt) : 0)));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
