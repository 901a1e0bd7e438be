/** `cutpoint watch`: a live view of a session in a terminal, from its events as JSON lines on stdin. */
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { ExitCode, Verb, World } from './verb.ts';
import { createWatchState, readWatchLine, type WatchState } from './watch-state.ts';
import { watchView } from './watch-view.ts';

interface WatchFlags {
  readonly once?: boolean;
}

export const watchVerb: Verb<WatchFlags> = {
  name: 'watch',
  describe,
  run: (_, flags, world) => watch(flags, world),
};

/** Terminals cannot show more, and eyes cannot see more. */
const REDRAW_MS = 100;
const HOME_AND_CLEAR = '\u001b[H\u001b[J';

function describe(command: Command): void {
  command
    .description(
      'show a session live: link, cut, stages, queue; traces and cut changes as JSON lines on stdin',
    )
    .option('--once', 'print one view when stdin ends, and no live one')
    .addHelpText('after', '\nExample:\n  $ node app.js | cutpoint watch');
}

async function watch({ once = false }: WatchFlags, world: World): Promise<ExitCode> {
  const state = createWatchState();
  const isLive = world.hasColours && !once;
  let drawnAtMs = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    readWatchLine(state, line);
    const nowMs = world.now().getTime();
    if (isLive && nowMs - drawnAtMs >= REDRAW_MS) {
      drawnAtMs = nowMs;
      draw(state, world);
    }
  }
  if (isLive) draw(state, world);
  else world.writeOut(watchView(state, { colours: world.hasColours }));
  return state.requests > 0 ? 0 : 1;
}

function draw(state: WatchState, world: World): void {
  world.writeOut(HOME_AND_CLEAR + watchView(state, { colours: true }));
}
