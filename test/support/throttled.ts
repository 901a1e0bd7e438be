/** A busy machine for one process: it is stopped and let on many times a second, as a quota of a control group does. */
export interface Throttle {
  /** @param share of the time that the process gets from now on; 1 is all of it */
  set(share: number): void;
  /** Lets the process on for good. */
  stop(): void;
}

const PERIOD_MS = 20;

export function throttle(pid: number): Throttle {
  let timer: NodeJS.Timeout | undefined;
  const goOn = () => {
    clearTimeout(timer);
    timer = undefined;
    process.kill(pid, 'SIGCONT');
  };
  const turn = (share: number, isRunning: boolean) => {
    process.kill(pid, isRunning ? 'SIGSTOP' : 'SIGCONT');
    timer = setTimeout(() => turn(share, !isRunning), PERIOD_MS * (isRunning ? 1 - share : share));
  };
  return {
    set(share) {
      goOn();
      if (share < 1) turn(share, true);
    },
    stop: goOn,
  };
}
