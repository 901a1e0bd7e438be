/** Links and loads that are made up: steps, ramps, on and off, deep fades, blackouts, and contention at either end. */
import type { TraceSample } from '../../../sdk/src/adaptive/trace-file.ts';
import { seededRandom } from '../../../sdk/src/testing/random.ts';
import type { Shape } from './scenes.ts';

const DURATION_MS = 120_000;
const MBPS = 1e6;

/** One of each kind; other seeds give others. */
export function generatedShapes(seed: number): readonly Shape[] {
  const make = (
    name: string,
    rates: (random: Random) => TraceSample[],
    loads: Partial<Shape> = {},
  ): Shape => ({
    ...{ name, seed, samples: rates(randomOf(seed, name)) },
    ...loads,
  });
  const busy = (name: string) => stretches(randomOf(seed, `${name} busy`), [4, 15]);
  const [atCloud, atEdge] = [busy('cloud'), busy('edge')];
  return [
    make('steps', steps),
    make('ramps', ramps),
    make('on-off', onOff),
    make('fades', (random) => dips(random, { share: 0.05, lengthMs: [500, 2500], pauseMs: [3000, 15_000] })),
    make('blackouts', (random) =>
      dips(random, { share: 0, lengthMs: [1000, 6000], pauseMs: [10_000, 30_000] }),
    ),
    make('cloud contention', wavering, {
      cloudSlowdown: (atMs) => (atCloud(atMs) ? 4 : 1),
      othersMs: (atMs) => (atCloud(atMs) ? 80 : 0),
    }),
    make('edge contention', wavering, { deviceSlowdown: (atMs) => (atEdge(atMs) ? 3 : 1) }),
  ];
}

type Random = () => number;

function randomOf(seed: number, name: string): Random {
  const hash = [...name].reduce((sum, character) => sum * 31 + character.charCodeAt(0), 7) % 1_000_003;
  return seededRandom(seed * 7919 + hash);
}

const between = (random: Random, [low, high]: readonly [number, number]) => low + (high - low) * random();
const level = (random: Random) => MBPS * 2 ** between(random, [-2, 3]);

function steps(random: Random): TraceSample[] {
  return held(random, [4000, 15_000], () => level(random));
}

/** From one level to the next in quarters of a second. */
function ramps(random: Random): TraceSample[] {
  const corners = held(random, [5000, 15_000], () => level(random));
  return evenly(250, (atMs) => {
    const next = corners.findIndex((corner) => corner.atMs > atMs);
    const [a, b] = [corners[next - 1] ?? corners.at(-1), corners[next] ?? corners.at(-1)] as [
      TraceSample,
      TraceSample,
    ];
    const share = a === b ? 0 : (atMs - a.atMs) / (b.atMs - a.atMs);
    return a.bitsPerSecond ** (1 - share) * b.bitsPerSecond ** share;
  });
}

function onOff(random: Random): TraceSample[] {
  const [low, high] = [MBPS / 4, 8 * MBPS];
  let isOn = false;
  return held(random, [2000, 8000], () => {
    isOn = !isOn;
    return isOn ? high : low;
  });
}

function wavering(random: Random): TraceSample[] {
  let rate = 2 * MBPS;
  return evenly(1000, () => {
    rate = Math.min(8 * MBPS, Math.max(MBPS / 2, rate * 2 ** between(random, [-0.4, 0.4])));
    return rate;
  });
}

interface Dips {
  /** Of the rate that is left; 0 is a blackout. */
  readonly share: number;
  readonly lengthMs: readonly [number, number];
  readonly pauseMs: readonly [number, number];
}

function dips(random: Random, { share, lengthMs, pauseMs }: Dips): TraceSample[] {
  const base = wavering(random);
  const isDown = stretches(random, [0, 0], { lengthMs, pauseMs });
  return evenly(
    100,
    (atMs) => (base[Math.floor(atMs / 1000)]?.bitsPerSecond ?? MBPS) * (isDown(atMs) ? share : 1),
  );
}

/** Whether a moment lies in one of the stretches, which follow each other with pauses. */
function stretches(
  random: Random,
  [low, high]: readonly [number, number],
  { lengthMs, pauseMs } = {
    lengthMs: [low * 1000, high * 1000] as readonly [number, number],
    pauseMs: [low * 1000, high * 1000] as readonly [number, number],
  },
): (atMs: number) => boolean {
  const list: (readonly [number, number])[] = [];
  for (let atMs = between(random, pauseMs); atMs < DURATION_MS; ) {
    const endMs = atMs + between(random, lengthMs);
    list.push([atMs, endMs]);
    atMs = endMs + between(random, pauseMs);
  }
  return (atMs) => list.some(([start, end]) => start <= atMs % DURATION_MS && atMs % DURATION_MS < end);
}

function held(random: Random, lengthMs: readonly [number, number], rate: () => number): TraceSample[] {
  const samples: TraceSample[] = [];
  for (let atMs = 0; atMs < DURATION_MS; atMs += between(random, lengthMs)) {
    samples.push({ atMs, bitsPerSecond: rate() });
  }
  return samples;
}

function evenly(everyMs: number, rate: (atMs: number) => number): TraceSample[] {
  return Array.from({ length: DURATION_MS / everyMs }, (_, i) => ({
    atMs: i * everyMs,
    bitsPerSecond: rate(i * everyMs),
  }));
}
