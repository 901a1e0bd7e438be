/** How many requests each fault is tried over: `CUTPOINT_FAULT_REQUESTS`, 60 unless told; the nightly run asks for 1,000. */
export const REQUESTS: number = Number(process.env.CUTPOINT_FAULT_REQUESTS ?? 60);

/** The same seed gives the same faults in the same order. */
export const SEED: number = Number(process.env.CUTPOINT_SEED ?? 1);
