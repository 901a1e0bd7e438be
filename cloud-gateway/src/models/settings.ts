/** `cutpoint.json` beside a model: what its owner says about it. */
import { readFile } from 'node:fs/promises';
import { SplitError } from '@cutpoint/sdk';
import { describeIssues } from '@cutpoint/sdk/program';
import { z } from 'zod';

export interface ModelSettings {
  /**
   * Shape of each input whose dimensions are symbolic, such as `{"x": [1, 3, 480, 640]}`. Cuts are chosen and
   * timed at these shapes; requests may come with others.
   */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Ids of cuts to offer besides those that the gateway chooses: those of a plan, for example. */
  readonly cuts: readonly string[];
  /** The part of the model that is run here, from a cut's id or `input` to one or `outputs`. @default the whole model */
  readonly range?: { readonly from: string; readonly to: string } | undefined;
  /** Over so many executors the model is parted, each with its share of the weights. @default each has the whole model */
  readonly ranks?: number | undefined;
}

const MAX_SETTINGS_BYTES = 1 << 16;
const MAX_RANK = 8;
const cutId = z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 hexadecimal digits');
const schema = z.strictObject({
  inputs: z
    .record(
      z.string(),
      z
        .array(
          z
            .int()
            .min(1)
            .max(2 ** 31 - 1),
        )
        .max(MAX_RANK),
    )
    .default({}),
  cuts: z.array(cutId).max(64).default([]),
  range: z
    .strictObject({ from: z.union([cutId, z.literal('input')]), to: z.union([cutId, z.literal('outputs')]) })
    .optional(),
  ranks: z.int().min(2).max(64).optional(),
});

/**
 * Reads the settings; a file that is not there is no settings.
 * @throws SplitError `options-invalid`, naming the path and the key
 */
export async function readModelSettings(path: string): Promise<ModelSettings> {
  const text = await readIfPresent(path);
  if (text === undefined) return { inputs: {}, cuts: [] };
  if (text.length > MAX_SETTINGS_BYTES) {
    throw new SplitError(
      'options-invalid',
      `${path} has ${text.length} bytes; the limit is ${MAX_SETTINGS_BYTES}`,
    );
  }
  const parsed = schema.safeParse(parseJson(path, text));
  if (parsed.success) return parsed.data;
  throw new SplitError('options-invalid', `${path}: ${describeIssues(parsed.error)}`);
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SplitError('options-invalid', `${path} cannot be read: ${String(cause)}`, { cause });
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SplitError('options-invalid', `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
