/** Requests that were run, by device and id, so that a repeated one gets the same answer and is never run twice. Bounded. */

export interface CachedJob {
  /** Bytes of the answer that is kept for repeated requests; 0 while it is being made. */
  readonly keptBytes: number;
  readonly isDone: boolean;
  /** Frees the answer; a repeated request is refused from then on, and still not run. */
  dropAnswer(): void;
}

export interface ReplyCache<Job extends CachedJob> {
  get(key: string): Job | undefined;
  add(key: string, job: Job, atMs: number): void;
  /** Call when a job got its answer: makes room by dropping the oldest answers. */
  answered(job: Job): void;
  /** Frees a job's answer before its time. */
  drop(job: Job): void;
}

export interface ReplyCacheLimits {
  /** Bytes of answers. @default 64 MiB */
  readonly maxBytes?: number;
  /** Jobs remembered, with or without an answer. @default 16,384 */
  readonly maxJobs?: number;
  /** Milliseconds. @default 120,000 */
  readonly maxAgeMs?: number;
}

export function createReplyCache<Job extends CachedJob>(limits: ReplyCacheLimits = {}): ReplyCache<Job> {
  const { maxBytes = 64 * 1024 * 1024, maxJobs = 16_384, maxAgeMs = 120_000 } = limits;
  const jobs = new Map<string, { readonly job: Job; readonly atMs: number }>();
  const answers = new Set<Job>();
  let keptBytes = 0;

  function release(job: Job): void {
    if (answers.delete(job)) keptBytes -= job.keptBytes;
  }

  /** The oldest come first; one that still runs is kept whatever its age. */
  function forgetOld(atMs: number): void {
    for (const [key, entry] of jobs) {
      if (atMs - entry.atMs < maxAgeMs && jobs.size <= maxJobs) return;
      if (!entry.job.isDone) continue;
      release(entry.job);
      jobs.delete(key);
    }
  }

  return {
    get: (key) => jobs.get(key)?.job,
    add: (key, job, atMs) => {
      jobs.set(key, { job, atMs });
      forgetOld(atMs);
    },
    answered: (job) => {
      answers.add(job);
      keptBytes += job.keptBytes;
      for (const oldest of answers) {
        if (keptBytes <= maxBytes) return;
        release(oldest);
        oldest.dropAnswer();
      }
    },
    drop: (job) => {
      if (!answers.has(job)) return;
      release(job);
      job.dropAnswer();
    },
  };
}
