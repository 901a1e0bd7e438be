/** A YAML file that knows where each of its values stands, so that whoever wrote it finds what is wrong with one. */
import { readFile } from 'node:fs/promises';
import { type Document, isMap, isNode, isScalar, LineCounter, type Pair, parseDocument } from 'yaml';
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import { reasonOf } from './reason.ts';

export interface YamlFile {
  readonly path: string;
  /** What is in it; `{}` for an empty file. */
  readonly value: unknown;
  /** `gateway.yaml:3:12`, where the key or element stands; where it is not there, of the nearest that holds it. */
  placeOf(at: readonly PropertyKey[]): string;
}

const MAX_BYTES = 1 << 20;
// Aliases could make a small file a huge one.
const MAX_ALIASES = 100;

/** @throws SplitError `options-invalid` where it cannot be read or is not YAML, with line and column */
export async function readYamlFile(path: string): Promise<YamlFile> {
  const lines = new LineCounter();
  const document = parseDocument(await readText(path), { lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const [wrong] = document.errors;
  if (wrong) throw new SplitError('options-invalid', `${place(wrong.pos[0])}: ${reasonOf(wrong)}`);
  return { path, value: contentOf(document, path), placeOf: (at) => place(offsetOf(document, at)) };
}

async function readText(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('options-invalid', `cannot read ${path}: ${why}`, { cause });
  }
  if (bytes.length <= MAX_BYTES) return bytes.toString('utf8');
  throw new SplitError('options-invalid', `${path} has ${bytes.length} bytes; at most ${MAX_BYTES} are read`);
}

function contentOf(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {};
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('options-invalid', `${path}: ${why}`, { cause });
  }
}

function offsetOf(document: Document, at: readonly PropertyKey[]): number {
  for (let length = at.length; length > 0; length--) {
    const holder = length === 1 ? document.contents : document.getIn(at.slice(0, length - 1), true);
    const key = at[length - 1];
    const pair = isMap(holder) ? (holder.items as Pair[]).find((item) => nameOf(item) === key) : undefined;
    const node = pair ? pair.key : document.getIn(at.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function nameOf({ key }: Pair): unknown {
  return isScalar(key) ? String(key.value) : key;
}

/** What a schema found wrong with the file, each with its place: `gateway.yaml:3:1: threads: expected number`. */
export function describeIssuesIn(file: YamlFile, error: z.ZodError): readonly string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const at = [...issue.path, key];
        return `${file.placeOf(at)}: ${z.core.toDotPath(at)}: there is no such field`;
      });
    }
    const name = z.core.toDotPath(issue.path);
    return [`${file.placeOf(issue.path)}: ${name ? `${name}: ` : ''}${issue.message}`];
  });
}
