/** `cutpoint calibrate`: what each codec profile does to the outputs at each cut, and coder tables, from real inputs. */
import { type Command, Option } from 'commander';
import type { CodecProfile } from '../codec/codec.ts';
import { calibrationText } from '../planner/calibration.ts';
import { CALIBRATION_LADDER } from '../profiler/calibrate-ladder.ts';
import { readMetric } from './calibrate-metric.ts';
import { makeCalibration } from './calibrate-run.ts';
import { calibrationReport } from './calibrate-text.ts';
import { readCodecs } from './codec-list.ts';
import { addModelFlags, type ModelFlags } from './model-flags.ts';
import { readNumber, readShare } from './quantity.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import type { ExitCode, Verb, World } from './verb.ts';

export interface CalibrateFlags extends ModelFlags {
  readonly inputs: string;
  readonly budget?: number;
  readonly metric: string;
  readonly cuts?: string;
  readonly profiles: readonly CodecProfile[];
  readonly maxCuts: number;
  readonly outputs?: 'stay';
  readonly gateways?: number;
  readonly out?: string;
  readonly all?: boolean;
}

export const calibrateVerb: Verb<CalibrateFlags> = { name: 'calibrate', describe, run: calibrate };

const whole = (min: number, max: number) => ({ min, max, isWhole: true });

function describe(command: Command): void {
  addModelFlags(command.description('measure what each codec profile does to the outputs at each cut'))
    .requiredOption('--inputs <path>', 'real inputs: a .npy or .pb file, or a folder of them')
    .addOption(
      new Option(
        '--budget <share>',
        'largest loss of an arm, such as 0.5%; one over it is refused',
      ).argParser(readShare('--budget')),
    )
    .option('--metric <metric>', 'the loss: l2, top1, or a module.js that exports a function', 'l2')
    .option('--cuts <list>', 'names or ids of cuts, with commas (default: those that a session offers)')
    .addOption(
      new Option('--profiles <list>', 'codec profiles, with commas (default: from lossless to coarse)')
        .argParser(readCodecs('--profiles'))
        .default(CALIBRATION_LADDER, 'a ladder'),
    )
    .addOption(
      new Option('--max-cuts <n>', 'most cuts, where --cuts names none')
        .argParser(readNumber('--max-cuts', whole(1, 32)))
        .default(8),
    )
    .addOption(
      new Option('--threads <n>', 'threads of ONNX Runtime').argParser(
        readNumber('--threads', whole(1, 256)),
      ),
    )
    .addOption(
      new Option(
        '--outputs <where>',
        'measure every two cuts too, where the last layers run on the device',
      ).choices(['stay']),
    )
    .addOption(
      new Option('--gateways <n>', 'measure rows of so many gateways too').argParser(
        readNumber('--gateways', whole(2, 4)),
      ),
    )
    .option('--out <file>', 'write the calibration')
    .option('--all', 'list every profile, not only the smallest within the budget')
    .addHelpText(
      'after',
      '\nExit code 1 where no arm keeps the budget.\n\nExample:\n  $ cutpoint calibrate model.onnx --inputs photos --budget 0.5% --out calibration.json',
    );
}

async function calibrate(path: string, flags: CalibrateFlags, world: World): Promise<ExitCode> {
  await checkResultFiles(flags);
  const metric = await readMetric(flags.metric);
  const { outputs, gateways } = flags;
  const ways = outputs || gateways ? { outputs, stages: gateways } : undefined;
  const { calibration, cuts } = await makeCalibration(path, { ...flags, metric, ways }, world);
  if (flags.out !== undefined) await writeResult(flags.out, calibrationText(calibration));
  const shown = { cuts, all: flags.all ?? false, colours: world.hasColours };
  world.writeOut(flags.json ? calibrationText(calibration) : calibrationReport(calibration, shown));
  return calibration.arms.every(({ refused }) => refused) ? 1 : 0;
}
