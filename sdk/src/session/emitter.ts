/** Typed events for every platform: listeners by name, and a function that removes each. */

export interface Emitter<Events> {
  /** @returns removes the listener; safe to call twice */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void;
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void;
}

export function createEmitter<Events>(): Emitter<Events> {
  const listeners = new Map<keyof Events, Set<(event: never) => void>>();
  return {
    on(name, listener) {
      // A wrapper each, so that a function registered twice is called twice and removed one by one.
      const own = (event: Events[typeof name]) => listener(event);
      const known = listeners.get(name) ?? new Set();
      listeners.set(name, known.add(own));
      return () => void known.delete(own);
    },
    emit(name, event) {
      for (const listener of [...(listeners.get(name) ?? [])]) {
        try {
          (listener as (event: Events[typeof name]) => void)(event);
        } catch (error) {
          // A listener's fault must neither fail the request that it is told of nor end the process: it is only shown.
          console.error(`a listener of '${String(name)}' threw:`, error);
        }
      }
    },
  };
}
