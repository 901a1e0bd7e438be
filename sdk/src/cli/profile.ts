/** `cutpoint profile`: what a model takes on this machine, cut by cut, and what would travel. */
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { CodecProfile } from '../codec/codec.ts';
import { SplitError } from '../errors.ts';
import { type Profile, profileText } from '../planner/profile.ts';
import { readCodecs } from './codec-list.ts';
import { addModelFlags, type ModelFlags } from './model-flags.ts';
import { makeProfile } from './profile-run.ts';
import { profileReport } from './profile-text.ts';
import { readNumber } from './quantity.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import type { ExitCode, Verb, World } from './verb.ts';

export interface ProfileFlags extends ModelFlags {
  readonly inputs?: string;
  readonly image?: readonly string[];
  readonly device?: string;
  readonly slowdown: number;
  readonly codecs: readonly CodecProfile[];
  readonly rounds: number;
  /** Milliseconds. */
  readonly pause: number;
  readonly maxCuts: number;
  /** Ids of cuts to time besides those. */
  readonly cuts?: readonly string[];
  /** Whose runtime. */
  readonly as: 'device' | 'gateway';
  readonly executor: 'auto' | 'valve' | 'chain' | 'separate';
  readonly guess?: 'board' | 'server';
  readonly out?: string;
}

export const profileVerb: Verb<ProfileFlags> = { name: 'profile', describe, run: profile };

const DEFAULT_CODECS: readonly CodecProfile[] = ['uint8', 'uint8+deflate', 'uint8+context', 'uint4+context'];
const whole = (min: number, max: number) => ({ min, max, isWhole: true });

function describe(command: Command): void {
  addModelFlags(command.description('time head and tail of every offered cut here, and what would travel'))
    .addOption(
      new Option('--threads <n>', 'threads of ONNX Runtime').argParser(
        readNumber('--threads', whole(1, 256)),
      ),
    )
    .option('--inputs <path>', 'a .npy or .pb file, or a folder of them (default: seeded random numbers)')
    .option(
      '--image <files...>',
      "picture files of the application, for the arm that sends the picture's own file",
    )
    .option('--device <text>', 'what to call this machine (default: its processor)')
    .addOption(
      new Option('--slowdown <n>', 'play a machine so many times slower')
        .argParser(readNumber('--slowdown', { min: 1, max: 1000 }))
        .default(1),
    )
    .addOption(
      new Option('--codecs <list>', 'codec profiles, with commas')
        .argParser(readCodecs('--codecs'))
        .default(DEFAULT_CODECS, DEFAULT_CODECS.join(',')),
    )
    .addOption(
      new Option('--rounds <n>', 'how often everything is run')
        .argParser(readNumber('--rounds', whole(1, 10_000)))
        .default(15),
    )
    .addOption(
      new Option(
        '--pause <ms>',
        'idle time before each run, as between the frames of a camera; 0 for a machine that never rests',
      )
        .argParser(readNumber('--pause', { min: 0, max: 60_000 }))
        .default(100),
    )
    .addOption(
      new Option('--max-cuts <n>', 'most cuts to time; a session offers as many')
        .argParser(readNumber('--max-cuts', whole(1, 32)))
        .default(8),
    )
    .option('--cuts <ids...>', 'cuts to time besides, by their ids in cutpoint inspect')
    .addOption(
      new Option('--as <side>', 'whose way to run it: a gateway joins requests, in a process of its own')
        .choices(['device', 'gateway'])
        .default('device'),
    )
    .addOption(
      new Option('--executor <kind>', 'what runs head and tail; auto is what a session chooses')
        .choices(['auto', 'valve', 'chain', 'separate'])
        .default('auto'),
    )
    .addOption(
      new Option('--guess <machine>', 'run nothing: guess from operations and bytes').choices([
        'board',
        'server',
      ]),
    )
    .option('--out <file>', 'write the profile')
    .addHelpText(
      'after',
      '\nExample:\n  $ cutpoint profile model.onnx --shape x=1,3,224,224 --out edge.profile.json',
    );
}

async function profile(path: string, flags: ProfileFlags, world: World): Promise<ExitCode> {
  await checkResultFiles(flags);
  const pictures = await Promise.all((flags.image ?? []).map(readPicture));
  const made: Profile = await makeProfile(path, flags, { world, pictures });
  if (flags.out !== undefined) await writeResult(flags.out, profileText(made));
  world.writeOut(flags.json ? profileText(made) : profileReport(made, world.hasColours));
  return 0;
}

async function readPicture(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new SplitError('options-invalid', `cannot read --image ${path}: ${cause}`, { cause });
  });
  if (bytes.length > 0) return bytes;
  throw new SplitError('options-invalid', `--image ${path} is not a file with anything in it`);
}
