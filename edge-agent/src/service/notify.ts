/**
 * Tells systemd that the agent is ready, stops, and still lives. The socket takes datagrams, which Node cannot send to a
 * path: systemd's own `systemd-notify` does.
 */
import { execFile } from 'node:child_process';

export interface ServiceManager {
  /** Under systemd with `Type=notify` or a watchdog. */
  readonly isThere: boolean;
  ready(status: string): Promise<void>;
  stopping(): Promise<void>;
  /** Pings while `isAlive` says so, twice per watchdog period; nothing without a watchdog. @returns stops it */
  watch(isAlive: () => Promise<boolean>): () => void;
}

export function serviceManager(env: NodeJS.ProcessEnv, pid: number): ServiceManager {
  const isThere = env.NOTIFY_SOCKET !== undefined && env.NOTIFY_SOCKET !== '';
  const watchdogMs = isThere ? watchdogOf(env, pid) : undefined;
  const say = (...words: string[]): Promise<void> => (isThere ? notify(words, env) : Promise.resolve());
  return {
    isThere,
    ready: (status) => say('READY=1', `MAINPID=${pid}`, `STATUS=${status}`),
    stopping: () => say('STOPPING=1'),
    watch(isAlive) {
      if (watchdogMs === undefined) return () => {};
      const ping = async () => {
        if (await isAlive().catch(() => false)) await say('WATCHDOG=1');
      };
      const timer = setInterval(() => void ping(), watchdogMs / 2);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv, pid: number): number | undefined {
  const ms = Number(WATCHDOG_USEC) / 1000;
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid;
  return isOurs && ms > 0 ? ms : undefined;
}

/** Without the program the service cannot say that it is ready, and systemd ends it after its start timeout: that is seen. */
function notify(words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve) => {
    execFile('systemd-notify', [...words], { env }, () => resolve());
  });
}
