/** JSON, YAML and text files, as whoever wrote them left them: what is in them is for a schema to check. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { SplitError } from '../errors.ts';
import { reasonOf } from '../program/reason.ts';

/** @throws SplitError `options-invalid` */
export function readJson(path: string): Promise<unknown> {
  return readDocument(path, JSON.parse);
}

/** @throws SplitError `options-invalid` */
export function readYaml(path: string): Promise<unknown> {
  // Aliases could make a small file a huge one.
  return readDocument(path, (text) => parse(text, { maxAliasCount: 100 }));
}

/** @throws SplitError `options-invalid` */
export function readText(path: string): Promise<string> {
  return readDocument(path, (text) => text);
}

/** SHA-256 of a file, in hexadecimal. @throws SplitError `options-invalid` */
export function fileDigest(path: string): Promise<string> {
  return readDocument(path, (text) => createHash('sha256').update(text).digest('hex'));
}

async function readDocument<T>(path: string, read: (text: string) => T): Promise<T> {
  try {
    return read(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new SplitError('options-invalid', `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}
