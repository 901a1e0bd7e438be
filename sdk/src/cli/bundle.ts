/** `cutpoint bundle`, `sign` and `verify-bundle`: a version of a model with digests and signatures, ready to ship. */
import { chmod, cp, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { createBundle, openBundle, signBundle, verifyParts } from '../bundle/bundle.ts';
import { type BundleHead, type BundleManifest, MANIFEST_FILE, MODEL_PART } from '../bundle/manifest.ts';
import { generateSigningKeys, readTrustedKeys } from '../bundle/signing-keys.ts';
import { deepestCut, readHeadNote } from '../cut/head-note.ts';
import { SplitError } from '../errors.ts';
import { readModel } from '../onnx/model.ts';
import { fileSource } from '../source/file.ts';
import { type WrittenHead, writeHead } from './bundle-head.ts';
import { readNumber } from './quantity.ts';
import { readText } from './read-document.ts';
import type { ExitCode, Verb } from './verb.ts';

interface BundleFlags {
  readonly model: string;
  readonly modelVersion: string;
  readonly counter: number;
  readonly out?: string;
  readonly headTo?: string;
  readonly headOut?: string;
  readonly json?: boolean;
}

/** Makes a bundle of a folder, in place or as a copy; and another one of the model's head alone, for devices. */
export const bundleVerb: Verb<BundleFlags> = {
  name: 'bundle',
  describe: (command: Command) =>
    void command
      .description('write the manifest of a folder with model.onnx, plan and policy: digests of every file')
      .argument('<folder>', 'holds model.onnx and what belongs to it')
      .requiredOption('--model <name>', 'the name under which gateways serve it')
      .requiredOption('--model-version <version>', 'such as 3; gateways take whole numbers')
      .addOption(
        new Option('--counter <n>', 'higher than that of every bundle of this model before it')
          .argParser(readNumber('--counter', { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true }))
          .makeOptionMandatory(),
      )
      .option('--out <folder>', 'make it a copy there, and leave the folder as it is')
      .option(
        '--head-to <cut>',
        'also for devices: the head up to this cut, by id or name, without other weights',
      )
      .option('--head-out <folder>', 'where that bundle goes')
      .option('--json', 'one JSON document on stdout')
      .addHelpText(
        'after',
        '\nExample:\n  $ cutpoint bundle ./net --model net --model-version 3 --counter 17 --out models/net/3',
      ),
  async run(folder, flags, world): Promise<ExitCode> {
    const { out, headTo, headOut, json } = flags;
    if ((headTo === undefined) !== (headOut === undefined))
      throw new SplitError('options-invalid', '--head-to and --head-out go together');
    const createdAt = world.now();
    if (out !== undefined) await copyInto(folder, out);
    if (headOut !== undefined) await checkEmpty(headOut, '--head-out');
    const directory = out ?? folder;
    const head = headTo === undefined ? undefined : await writeHead(directory, headOut ?? '', headTo);
    const manifest = await bundleOf(directory, flags, createdAt);
    const ofHead = headOut === undefined ? undefined : await bundleOf(headOut, flags, createdAt);
    if (json) {
      const more = ofHead && { headBundle: { directory: headOut, ...ofHead, ...factsOf(head) } };
      world.writeOut(`${JSON.stringify({ directory, ...manifest, ...more })}\n`);
      return 0;
    }
    world.writeOut(lineOf(directory, manifest));
    if (ofHead && headOut !== undefined) world.writeOut(`${lineOf(headOut, ofHead)}${describeHead(head)}`);
    return 0;
  },
};

async function bundleOf(
  directory: string,
  { model, modelVersion: version, counter }: BundleFlags,
  createdAt: Date,
): Promise<BundleManifest> {
  return createBundle(directory, { model, version, counter, createdAt, head: await headIn(directory) });
}

/** What the file says of itself; a file that is no model has no head either. */
async function headIn(directory: string): Promise<BundleHead | undefined> {
  const bytes = await fileSource(join(directory, MODEL_PART))
    .readStructure?.()
    .catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    const note = readHeadNote(readModel(bytes));
    return note && { cut: deepestCut(note).id, modelDigest: note.model };
  } catch {
    return undefined; // Whoever opens it says what is wrong.
  }
}

function lineOf(directory: string, { parts }: BundleManifest): string {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return `${join(directory, MANIFEST_FILE)}: ${parts.length} parts, ${bytes} bytes; sign it with cutpoint sign\n`;
}

function factsOf(head: WrittenHead | undefined): object {
  return head ? { cutName: head.deepest.name, recordings: head.recordings, isOffered: head.isOffered } : {};
}

function describeHead(head: WrittenHead | undefined): string {
  if (!head) return '';
  const { deepest, recordings, isOffered } = head;
  const lines = [`  the head to cut ${deepest.id} (${deepest.name}), with ${recordings} recordings`];
  if (!isOffered)
    lines.push(`  gateways offer that cut once cutpoint.json names it: {"cuts": ["${deepest.id}"]}`);
  return `${lines.join('\n')}\n`;
}

async function checkEmpty(out: string, flag: string): Promise<void> {
  await mkdir(out, { recursive: true });
  if ((await readdir(out)).length > 0)
    throw new SplitError('options-invalid', `${flag} is ${out}, which is not empty`);
}

async function copyInto(folder: string, out: string): Promise<void> {
  await checkEmpty(out, '--out');
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new SplitError('options-invalid', `${folder} is not a folder`);
  await cp(folder, out, { recursive: true, dereference: true });
}

interface SignFlags {
  readonly key?: string;
  readonly generateKey?: string;
  readonly json?: boolean;
}

/** Signs a bundle; makes a pair of keys on the way where asked to. */
export const signVerb: Verb<SignFlags> = {
  name: 'sign',
  describe: (command: Command) =>
    void command
      .description('sign a bundle with an Ed25519 key')
      .argument('<bundle>', 'a folder that cutpoint bundle made')
      .option('--key <file>', 'private key in PEM (PKCS #8), as openssl genpkey -algorithm ed25519 makes')
      .option('--generate-key <file>', 'make a new key there, its public half beside it as FILE.pub')
      .option('--json', 'one JSON document on stdout')
      .addHelpText('after', '\nExample:\n  $ cutpoint sign models/net/3 --key release.pem'),
  async run(directory, { key, generateKey, json }, world): Promise<ExitCode> {
    if ((key === undefined) === (generateKey === undefined))
      throw new SplitError('options-invalid', 'expected one of --key and --generate-key');
    const pem = key === undefined ? await makeKey(generateKey as string) : await readText(key);
    const keyId = await signBundle(directory, pem);
    world.writeOut(
      json ? `${JSON.stringify({ directory, keyId })}\n` : `${directory} is signed by ${keyId}\n`,
    );
    return 0;
  },
};

async function makeKey(path: string): Promise<string> {
  const { privateKey, publicKey } = generateSigningKeys();
  try {
    // Never over a key that is there: what it signed could not be renewed.
    await writeFile(path, privateKey, { mode: 0o600, flag: 'wx' });
    await chmod(path, 0o600);
    await writeFile(`${path}.pub`, publicKey, { flag: 'wx' });
  } catch (cause) {
    throw new SplitError('options-invalid', `--generate-key: ${path} cannot be written: ${String(cause)}`, {
      cause,
    });
  }
  return privateKey;
}

interface VerifyFlags {
  readonly key?: string;
  readonly leastCounter?: number;
  readonly json?: boolean;
}

/** Says whether a gateway or a device would take the bundle. */
export const verifyBundleVerb: Verb<VerifyFlags> = {
  name: 'verify-bundle',
  describe: (command: Command) =>
    void command
      .description('check signature, counter and every digest of a bundle')
      .argument('<bundle>', 'a folder that cutpoint bundle made')
      .option('--key <file>', 'public keys in PEM that are trusted; without it only digests are checked')
      .addOption(
        new Option('--least-counter <n>', 'refuse a bundle with a lower counter').argParser(
          readNumber('--least-counter', { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true }),
        ),
      )
      .option('--json', 'one JSON document on stdout')
      .addHelpText('after', '\nExample:\n  $ cutpoint verify-bundle models/net/3 --key release.pem.pub'),
  async run(directory, { key, leastCounter, json }, world): Promise<ExitCode> {
    const trustedKeys = key === undefined ? undefined : readTrustedKeys(await readText(key));
    const bundle = await openBundle(directory, { trustedKeys, leastCounter });
    await verifyParts(bundle);
    const { manifest, signedBy } = bundle;
    const { model, version, counter, parts } = manifest;
    const signature = signedBy === undefined ? 'no key was asked for' : `signed by ${signedBy}`;
    world.writeOut(
      json
        ? `${JSON.stringify({ directory, signedBy, ...manifest })}\n`
        : `${model} ${version}, counter ${counter}: ${parts.length} parts are as they were, ${signature}\n`,
    );
    return 0;
  },
};
