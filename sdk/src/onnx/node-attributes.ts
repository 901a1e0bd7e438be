/** Whole numbers among a node's attributes: axes, groups, permutations. */
import type { OnnxNode } from './graph-proto.ts';
import { contentOf, fieldsOf, integersOf, type Span, textOf } from './wire-reader.ts';

const ATTRIBUTE = 5;
const FIELD = { name: 1, int: 3, ints: 8 } as const;
const MAX_NUMBERS = 4096;

/** By name; a single number is a list of one. Attributes of other kinds are left out. */
export function integerAttributes(node: OnnxNode): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, readonly number[]>();
  for (const field of fieldsOf(node.span)) {
    if (field.number !== ATTRIBUTE) continue;
    const { name, numbers } = readNumbers(contentOf(field));
    if (numbers.length > 0) found.set(name, numbers);
  }
  return found;
}

function readNumbers(attribute: Span): { readonly name: string; readonly numbers: readonly number[] } {
  let name = '';
  const numbers: number[] = [];
  for (const field of fieldsOf(attribute)) {
    if (field.number === FIELD.name) name = textOf(field);
    else if (field.number === FIELD.int || field.number === FIELD.ints)
      numbers.push(...integersOf(field, MAX_NUMBERS));
  }
  return { name, numbers };
}
