/**
 * Links that no constant of the controller was chosen on: other kinds than in generated.ts, and seeds that nobody looked at.
 * They are for telling whether what was gained there is gained elsewhere too.
 */
import type { TraceSample } from '../../../sdk/src/adaptive/trace-file.ts';
import { seededRandom } from '../../../sdk/src/testing/random.ts';
import type { Shape } from './scenes.ts';

const DURATION_MS = 120_000;
const MBPS = 1e6;

type Random = () => number;

/** One of each kind. */
export function heldOutShapes(seed: number): readonly Shape[] {
  const make = (name: string, rates: (random: Random) => readonly number[], everyMs: number): Shape => ({
    ...{ name, seed, samples: evenly(everyMs, rates(seededRandom(seed * 104_729 + name.length * 7919))) },
  });
  return [
    make('cells', cells, 500),
    make('cross traffic', crossTraffic, 100),
    make('walk', walk, 250),
    make('tunnels', tunnels, 200),
    make('sawtooth', sawtooth, 100),
    { ...make('both busy', walk, 250), ...busyEnds(seededRandom(seed * 15_485_863 + 1)) },
  ];
}

function evenly(everyMs: number, rates: readonly number[]): readonly TraceSample[] {
  return rates.map((rate, i) => ({ atMs: i * everyMs, bitsPerSecond: rate * MBPS }));
}

const count = (everyMs: number) => DURATION_MS / everyMs;
const series = (everyMs: number, next: (i: number) => number) =>
  Array.from({ length: count(everyMs) }, (_, i) => next(i));

/** A Markov chain over five levels, as a phone goes through cells: mostly to a neighbour, now and then anywhere. */
function cells(random: Random): readonly number[] {
  const levels = [0.3, 1, 2.5, 6, 12];
  let at = 2;
  return series(500, () => {
    const chance = random();
    if (chance < 0.03) at = Math.floor(random() * levels.length);
    else if (chance < 0.2) at = Math.max(0, Math.min(levels.length - 1, at + (random() < 0.5 ? -1 : 1)));
    return (levels[at] ?? 1) * 2 ** (0.4 * (random() - 0.5));
  });
}

/** Others take a share of a link that itself stands still; how long they stay has a heavy tail. */
function crossTraffic(random: Random): readonly number[] {
  let [share, leftMs] = [0, 0];
  return series(100, () => {
    if (leftMs <= 0) {
      share = share > 0 ? 0 : 0.5 + 0.45 * random();
      leftMs = Math.min(40_000, 800 / Math.max(1e-3, random()) ** 0.8);
    }
    leftMs -= 100;
    return 8 * (1 - share);
  });
}

/** The logarithm of the rate wanders and is drawn back to its middle. */
function walk(random: Random): readonly number[] {
  let octave = 1;
  return series(250, () => {
    octave += 0.05 * (1 - octave) + 0.5 * (random() + random() + random() - 1.5);
    return 2 ** octave;
  });
}

/** A train: wavering, and nothing at all in tunnels of two to twelve seconds. */
function tunnels(random: Random): readonly number[] {
  let [isInside, leftMs] = [false, 8000];
  return series(200, () => {
    if (leftMs <= 0) {
      isInside = !isInside;
      leftMs = isInside ? 2000 + 10_000 * random() : 8000 + 25_000 * random();
    }
    leftMs -= 200;
    return isInside ? 0 : 4 * 2 ** (random() - 0.5);
  });
}

/** As a sender that probes for more and falls back: up by a line, down at once. */
function sawtooth(random: Random): readonly number[] {
  let [rate, top] = [1, 8];
  return series(100, () => {
    rate += 0.08;
    if (rate > top) {
      rate /= 3;
      top = 4 + 8 * random();
    }
    return rate;
  });
}

/** Device and gateway are busy for a while each, independently, besides a link that wanders. */
function busyEnds(random: Random): Pick<Shape, 'deviceSlowdown' | 'cloudSlowdown' | 'othersMs'> {
  const [atEdge, atCloud] = [stretches(random), stretches(random)];
  return {
    deviceSlowdown: (atMs) => (atEdge(atMs) ? 2 : 1),
    cloudSlowdown: (atMs) => (atCloud(atMs) ? 3 : 1),
    othersMs: (atMs) => (atCloud(atMs) ? 40 : 0),
  };
}

function stretches(random: Random): (atMs: number) => boolean {
  const edges: number[] = [];
  for (let atMs = 0; atMs < DURATION_MS; ) {
    atMs += 3000 + 15_000 * random();
    edges.push(atMs);
  }
  return (atMs) => edges.filter((edge) => edge <= atMs % DURATION_MS).length % 2 === 1;
}
