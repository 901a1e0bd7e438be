/** Things that happen at a time, taken in the order of their times; of equal times in the order in which they were put. */

export interface EventQueue {
  put(atMs: number, happen: () => void): void;
  /** Lets all happen that happens up to that time. */
  runUntil(endMs: number): void;
}

interface Event {
  readonly atMs: number;
  readonly number: number;
  readonly happen: () => void;
}

export function createEventQueue(): EventQueue {
  // A heap: every event is before the two below it.
  const heap: Event[] = [];
  let count = 0;
  const isBefore = (a: Event, b: Event) => a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
  const swap = (i: number, j: number) => {
    [heap[i], heap[j]] = [heap[j] as Event, heap[i] as Event];
  };

  function rise(from: number): void {
    for (let i = from; i > 0; ) {
      const above = (i - 1) >> 1;
      if (!isBefore(heap[i] as Event, heap[above] as Event)) return;
      swap(i, above);
      i = above;
    }
  }

  function sink(): void {
    for (let i = 0; ; ) {
      let first = i;
      for (const below of [2 * i + 1, 2 * i + 2]) {
        if (below < heap.length && isBefore(heap[below] as Event, heap[first] as Event)) first = below;
      }
      if (first === i) return;
      swap(i, first);
      i = first;
    }
  }

  return {
    put(atMs, happen) {
      heap.push({ atMs, number: count++, happen });
      rise(heap.length - 1);
    },
    runUntil(endMs) {
      for (let event = heap[0]; event && event.atMs <= endMs; event = heap[0]) {
        const last = heap.pop() as Event;
        if (heap.length > 0) {
          heap[0] = last;
          sink();
        }
        event.happen();
      }
    },
  };
}
