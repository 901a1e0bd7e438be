/**
 * The order in which requests run. Between tenants by what each has used of the runtime so far (weighted fair queueing: the
 * one that used least is next), inside a tenant by deadline. A batch is filled in the same order.
 */

export interface Queued {
  readonly tenant: string;
  /** On the gateway's clock, in milliseconds. */
  readonly deadlineAtMs: number;
  /** What it is expected to take of the runtime, in milliseconds. */
  readonly costMs: number;
}

export interface BatchRule<Job> {
  readonly maxSize: number;
  /** Whether the job may join these; the first job of a batch is not asked about. */
  mayJoin(job: Job, batch: readonly Job[]): boolean;
  /** Of those that may join, the one for which this is least; the earliest deadline among equals. @default all are equal */
  distance?(job: Job, first: Job): number;
}

export interface FairQueue<Job extends Queued> {
  readonly length: number;
  readonly costMs: number;
  push(job: Job): void;
  /** False where it is not here (any more). */
  remove(job: Job): boolean;
  /** The one that runs next. */
  first(): Job | undefined;
  /** Empty if and only if the queue is. */
  takeBatch(rule: BatchRule<Job>): Job[];
  /** All jobs, in no order. */
  jobs(): Iterable<Job>;
}

interface Tenant<Job> {
  readonly name: string;
  readonly weight: number;
  /** Milliseconds of the runtime that it had, over its weight. */
  used: number;
  /** By deadline, ascending. */
  readonly jobs: Job[];
}

/** @param weightOf share of a tenant in relation to others'; above 0 */
export function createFairQueue<Job extends Queued>(
  weightOf: (tenant: string) => number = () => 1,
): FairQueue<Job> {
  // Only those that have jobs: one that comes back begins where the others are, since what is unused does not add up.
  const tenants = new Map<string, Tenant<Job>>();
  let length = 0;
  let costMs = 0;
  let reached = 0;

  function push(job: Job): void {
    let tenant = tenants.get(job.tenant);
    if (tenant === undefined) {
      tenant = { name: job.tenant, weight: weightOf(job.tenant), used: reached, jobs: [] };
      tenants.set(job.tenant, tenant);
    }
    tenant.jobs.splice(placeOf(tenant.jobs, job), 0, job);
    length += 1;
    costMs += job.costMs;
  }

  function remove(job: Job): boolean {
    const tenant = tenants.get(job.tenant);
    const at = tenant?.jobs.indexOf(job) ?? -1;
    if (tenant === undefined || at < 0) return false;
    tenant.jobs.splice(at, 1);
    if (tenant.jobs.length === 0) tenants.delete(tenant.name);
    length -= 1;
    // Sums of floats drift; an empty queue is exactly no work.
    costMs = length === 0 ? 0 : Math.max(0, costMs - job.costMs);
    return true;
  }

  function inTurn(): Tenant<Job>[] {
    return [...tenants.values()].sort((a, b) => a.used - b.used);
  }

  function take(tenant: Tenant<Job>, job: Job): Job {
    tenant.used += job.costMs / tenant.weight;
    remove(job);
    return job;
  }

  function takeBatch({ maxSize, ...rule }: BatchRule<Job>): Job[] {
    const [first] = inTurn();
    if (first === undefined) return [];
    reached = Math.max(reached, first.used);
    const batch = [take(first, first.jobs[0] as Job)];
    while (batch.length < maxSize) {
      const joined = joinOne(batch, rule);
      if (joined === undefined) break;
      batch.push(joined);
    }
    return batch;
  }

  function joinOne(batch: readonly Job[], { mayJoin, distance }: Omit<BatchRule<Job>, 'maxSize'>) {
    const [first] = batch;
    for (const tenant of inTurn()) {
      const jobs = distance && first ? nearestFirst(tenant.jobs, (job) => distance(job, first)) : tenant.jobs;
      const job = jobs.find((candidate) => mayJoin(candidate, batch));
      if (job !== undefined) return take(tenant, job);
    }
    return undefined;
  }

  return {
    get length() {
      return length;
    },
    get costMs() {
      return costMs;
    },
    push,
    remove,
    first: () => inTurn()[0]?.jobs[0],
    takeBatch,
    *jobs() {
      for (const { jobs } of tenants.values()) yield* jobs;
    },
  };
}

/** Equals stay in their order. */
function nearestFirst<Job>(jobs: readonly Job[], distance: (job: Job) => number): Job[] {
  return [...jobs].sort((a, b) => distance(a) - distance(b));
}

/** Behind all with the same deadline. */
function placeOf<Job extends Queued>(jobs: readonly Job[], { deadlineAtMs }: Job): number {
  let [low, high] = [0, jobs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((jobs[middle] as Job).deadlineAtMs <= deadlineAtMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
