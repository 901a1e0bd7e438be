/** A million damaged frames, or as many as are asked for: `node tools/run.mjs test/nightly/codec-mutations.ts [COUNT]`. */
import { decodeMutations } from '../support/codec-mutations.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.env.CUTPOINT_SEED ?? Math.trunc(Date.now() / 1000));
console.log(`${count} damaged frames, seed ${seed}`);
const { errors, tensors } = await decodeMutations(count, seed);
console.log(`${errors} typed errors, ${tensors} tensors of the shape they claim, nothing else`);
