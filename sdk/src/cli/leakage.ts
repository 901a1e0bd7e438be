/** `cutpoint leakage`: what each cut gives away of the inputs, by the guesses of a reference attacker. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import type { CodecProfile } from '../codec/codec.ts';
import { SplitError } from '../errors.ts';
import { readCodecs } from './codec-list.ts';
import { leakagePage } from './leakage-page.ts';
import { runLeakage } from './leakage-run.ts';
import { leakageJson, leakageText } from './leakage-text.ts';
import { addModelFlags, type ModelFlags } from './model-flags.ts';
import { readNumber, readShare } from './quantity.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import type { ExitCode, Verb, World } from './verb.ts';

export interface LeakageFlags extends ModelFlags {
  readonly inputs: string;
  readonly target?: string;
  readonly cuts?: string;
  readonly maxCuts: number;
  readonly profile: readonly CodecProfile[];
  readonly noise: readonly number[];
  readonly budget: number;
  readonly side: number;
  readonly seed: number;
  readonly html?: string;
}

export const leakageVerb: Verb<LeakageFlags> = { name: 'leakage', describe, run: leakage };

const whole = (min: number, max: number) => ({ min, max, isWhole: true });

function describe(command: Command): void {
  addModelFlags(command.description('measure what each cut gives away of the inputs'))
    .requiredOption('--inputs <path>', 'a folder of inputs, 8 at least; the more, the better the attacker')
    .option('--target <name>', 'the input that the attacker wants (default: the first one of floats)')
    .option('--cuts <list>', 'names or ids of cuts, with commas (default: those that a session offers)')
    .addOption(
      new Option('--max-cuts <n>', 'most cuts, where --cuts names none')
        .argParser(readNumber('--max-cuts', whole(1, 32)))
        .default(8),
    )
    .addOption(
      new Option('--profile <name>', 'how activations travel')
        .argParser(readCodecs('--profile'))
        .default(['uint8'], 'uint8'),
    )
    .addOption(
      new Option(
        '--noise <levels>',
        "levels of a noise stage, with commas: shares of the activation's deviation",
      )
        .argParser(readLevels)
        .default([0.25, 0.5, 1, 2], '0.25,0.5,1,2'),
    )
    .addOption(
      new Option(
        '--budget <share>',
        'most answers that the noise may change; the strongest level within it is the calibrated one',
      )
        .argParser(readShare('--budget'))
        .default(0.05, '5%'),
    )
    .addOption(
      new Option('--side <n>', 'longest side of the picture that the attacker wants, in points')
        .argParser(readNumber('--side', whole(4, 64)))
        .default(32),
    )
    .addOption(
      new Option('--seed <n>', 'of the parting of the inputs, and of the noise')
        .argParser(readNumber('--seed', whole(0, 2 ** 31)))
        .default(1),
    )
    .option('--html <file>', 'write one self-contained page, with pictures')
    .addHelpText('after', '\nExample:\n  $ cutpoint leakage model.onnx --inputs photos --html leakage.html');
}

async function leakage(path: string, flags: LeakageFlags, world: World): Promise<ExitCode> {
  await checkResultFiles(flags);
  const found = await runLeakage(path, flags, world);
  if (flags.html !== undefined) {
    const command = `cutpoint ${world.argv.join(' ')}`;
    await writeResult(flags.html, leakagePage(found, { file: basename(path), command, date: world.now() }));
  }
  world.writeOut(flags.json ? leakageJson(found) : leakageText(found, world.hasColours));
  return 0;
}

function readLevels(text: string): readonly number[] {
  const levels = text.split(',').map(Number);
  if (levels.length <= 8 && levels.every((level) => level > 0 && level <= 100))
    return [...new Set(levels)].sort((a, b) => a - b);
  throw new SplitError(
    'options-invalid',
    `--noise ${text} is not a list of at most 8 levels such as 0.5,1,2`,
  );
}
