/**
 * The versions of one model on this device: the file of the configuration, and two slots for bundles. One is active; a new
 * bundle goes into the slot that is neither active nor needed to go back to.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asSplitError, SplitError } from '@cutpoint/sdk';
import {
  type Bundle,
  type BundleManifest,
  MANIFEST_FILE,
  MODEL_PART,
  openBundle,
  SIGNATURE_FILE,
  type TrustedKey,
  verifyParts,
} from '@cutpoint/sdk/bundle';
import type { SplitSession } from '@cutpoint/sdk/node';
import type { Disk } from '../disk/disk.ts';
import { readIfThere, readJson, replaceFile, replaceJson } from '../disk/durable-file.ts';
import { FIRST_SLOTS, type Place, type Slots, slotsSchema, type UpdateOutcome } from './slots-file.ts';

export interface ModelStoreOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** The configuration's own file, if it names one. */
  readonly basePath?: string | undefined;
  readonly trustedKeys?: readonly TrustedKey[] | undefined;
  /** Hears how each update, and each way back, ended. */
  readonly onOutcome?: (outcome: UpdateOutcome) => void;
}

/** A version that is here and is what it says. */
export interface InstalledModel {
  readonly place: Place;
  readonly modelPath: string;
  /** `undefined` for the configuration's own file. */
  readonly folder?: string;
  readonly version: string;
  readonly counter: number;
  /** Of the manifest, or nothing. */
  readonly sha256?: string;
  /** The deepest cut's id, where only the head's weights are here. */
  readonly headTo?: string;
}

/** Makes the session of a version that is here. On trial it must prove itself; else it starts without a cloud too. */
export type OpenInstalled = (
  installed: InstalledModel,
  how?: { readonly isTrial: boolean },
) => Promise<SplitSession>;

export interface SignedManifest {
  readonly bytes: Uint8Array;
  readonly signatures: Uint8Array;
  readonly manifest: BundleManifest;
}

export interface ModelStore {
  readonly slots: Slots;
  /** The version in that place. @throws SplitError `bundle-invalid`, `signature-invalid`, `model-unknown` for none */
  open(place: Place): Promise<InstalledModel>;
  /** Puts a bundle into the free slot, from verified files by their path. @returns the slot */
  stage(signed: SignedManifest, files: ReadonlyMap<string, string>): Promise<Place>;
  change(slots: Partial<Slots>): Promise<void>;
  /** How an update ended; on a disk that cannot be written to it is remembered until the agent ends. */
  note(outcome: UpdateOutcome): Promise<void>;
  /** The version in `to` becomes the active one; `previous` is where a later way back leads. */
  goBack(to: Place, previous: Place, outcome: UpdateOutcome): Promise<void>;
  /** Digests of all parts in both slots. */
  parts(): Promise<ReadonlySet<string>>;
}

const SLOTS = ['a', 'b'] as const;

export async function openModelStore(options: ModelStoreOptions): Promise<ModelStore> {
  const { disk, folder, basePath, trustedKeys, onOutcome } = options;
  const path = join(folder, 'slots.json');
  let slots: Slots = (await readJson(path, slotsSchema)) ?? FIRST_SLOTS;

  async function open(place: Place): Promise<InstalledModel> {
    if (place === 'base') {
      if (basePath !== undefined) return { place, modelPath: basePath, version: 'base', counter: 0 };
      throw new SplitError('model-unknown', 'no version of this model is here yet');
    }
    const slot = join(folder, place);
    const bundle = await openBundle(slot, { trustedKeys });
    await verifyParts(bundle);
    const { version, counter, head } = bundle.manifest;
    const sha256 = digestOf(await readFile(join(slot, MANIFEST_FILE)));
    const found = { place, modelPath: join(slot, MODEL_PART), folder: slot, version, counter, sha256 };
    return { ...found, ...(head && { headTo: head.cut }) };
  }

  async function stage(signed: SignedManifest, files: ReadonlyMap<string, string>): Promise<Place> {
    const taken = slots.isConfirmed ? [slots.active] : [slots.active, slots.previous];
    const free = SLOTS.find((slot) => !taken.includes(slot));
    if (free === undefined)
      throw new SplitError('overloaded', 'both slots are in use until one is confirmed');
    // From here on there is nothing in that slot to go back to.
    if (slots.previous === free) await change({ previous: 'base' });
    const staging = join(folder, 'staging');
    await disk.remove(staging);
    await disk.makeFolder(staging);
    for (const [part, file] of files) {
      await disk.makeFolder(dirname(join(staging, part)));
      await disk.link(file, join(staging, part));
      await disk.syncFolder(dirname(join(staging, part)));
    }
    await replaceFile(disk, join(staging, SIGNATURE_FILE), signed.signatures);
    await replaceFile(disk, join(staging, MANIFEST_FILE), signed.bytes);
    await disk.remove(join(folder, free));
    await disk.rename(staging, join(folder, free));
    await disk.syncFolder(folder);
    return free;
  }

  /** One after the other: each builds on the one before. */
  let turn: Promise<unknown> = Promise.resolve();
  function change(changes: Partial<Slots>): Promise<void> {
    const done = turn.then(async () => {
      const next = { ...slots, ...changes };
      await disk.makeFolder(folder);
      await replaceJson(disk, path, next);
      slots = next;
      if (changes.last) onOutcome?.(changes.last);
    });
    turn = done.catch(() => undefined);
    return done;
  }

  async function note(last: UpdateOutcome): Promise<void> {
    await change({ last, trial: undefined }).catch(() => {
      slots = { ...slots, last };
      onOutcome?.(last);
    });
  }

  async function goBack(active: Place, previous: Place, last: UpdateOutcome): Promise<void> {
    await change({ active, previous, isConfirmed: true, starts: 0, last });
  }

  async function parts(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const slot of SLOTS) {
      const bundle = await openBundle(join(folder, slot)).catch(() => undefined);
      for (const { sha256 } of bundle?.manifest.parts ?? []) found.add(sha256);
    }
    return found;
  }

  return {
    get slots() {
      return slots;
    },
    open,
    stage,
    change,
    note,
    goBack,
    parts,
  };
}

/** Signature files may be missing where no key is asked for. */
export async function readSigned(bundle: Bundle): Promise<SignedManifest> {
  const bytes = await readFile(join(bundle.directory, MANIFEST_FILE));
  const signatures = (await readIfThere(join(bundle.directory, SIGNATURE_FILE))) ?? Buffer.alloc(0);
  return { bytes, signatures, manifest: bundle.manifest };
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** `CODE: what was wrong`, as reports give it. */
export function reasonOf(error: unknown): string {
  const { code, message } = asSplitError(error);
  return `${code}: ${message}`;
}
