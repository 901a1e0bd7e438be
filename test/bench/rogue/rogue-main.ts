/** `node rogue-main.ts`: takes its options as JSON from the environment, tries for a minute or so, prints its report. */
import { setPriority } from 'node:os';
import { runRogue } from '../../security/rogue.ts';

// A rogue elsewhere would not take this machine's processors: only its work at broker and gateway shall count.
setPriority(19);
const report = await runRogue(
  JSON.parse(process.env.CUTPOINT_ROGUE ?? '{}') as Parameters<typeof runRogue>[0],
);
console.log(JSON.stringify(report));
process.exit(0);
