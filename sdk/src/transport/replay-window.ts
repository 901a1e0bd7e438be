/** Which sequence numbers of one sender were taken already. Each is taken once; those far behind the newest, never. */

export interface ReplayWindow {
  /** Whether the number is new; from then on it is not. */
  take(sequence: number): boolean;
}

/** @param size how far behind the newest number an older one may come */
export function createReplayWindow(size = 1024): ReplayWindow {
  const taken = new Uint8Array(size);
  let newest = 0;

  /** Slots between the newest number so far and this one begin anew. */
  function advance(sequence: number): void {
    if (sequence - newest >= size) taken.fill(0);
    else for (let passed = newest + 1; passed <= sequence; passed++) taken[passed % size] = 0;
    newest = sequence;
  }

  return {
    take: (sequence) => {
      if (!Number.isSafeInteger(sequence) || sequence < 1 || sequence <= newest - size) return false;
      if (sequence > newest) advance(sequence);
      if (taken[sequence % size] === 1) return false;
      taken[sequence % size] = 1;
      return true;
    },
  };
}
