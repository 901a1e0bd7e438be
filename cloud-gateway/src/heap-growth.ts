/**
 * How much the heap may grow before all of it is collected. A request brings megabytes in buffers and leaves them at once; V8
 * takes a gateway for nearly idle, and by itself collects whenever a quarter has come in addition, every few requests, and
 * marks on other cores meanwhile, which the runtime then lacks. Buffers are bounded apart from it, at 64 MiB.
 */
import { setFlagsFromString } from 'node:v8';

const GROWTH_PERCENT = 400;

/** Of this process; for programs, as early as they can. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
