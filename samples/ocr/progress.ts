/** What a long program is doing now: one line on standard error that overwrites itself, for people only. */

export interface Progress {
  /** Replaces the line. Silent unless standard output and standard error are both terminals. */
  show(text: string): void;
  /** Wipes the line, so that what is printed next starts clean. */
  done(): void;
}

/** The part of a terminal stream that is used. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const WIPE = '\r\u001b[K';

export function createProgress(
  streams: { readonly stdout: ProgressStream; readonly stderr: ProgressStream } = process,
): Progress {
  const { stdout, stderr } = streams;
  let isShown = false;
  return {
    show(text) {
      if (!stdout.isTTY || !stderr.isTTY) return;
      // A full line would wrap, and only its last part could be wiped.
      const room = (stderr.columns ?? 80) - 1;
      stderr.write(`${WIPE}${text.slice(0, room)}`);
      isShown = true;
    },
    done() {
      if (isShown) stderr.write(WIPE);
      isShown = false;
    },
  };
}
