/** NodeProto: writes nodes of our own making. */
import { type AttributeValue, attributeProto } from './attribute.ts';
import { WireWriter } from './wire-writer.ts';

export interface NodeParts {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** @default the first output's name */
  readonly name?: string;
  /** @default '' (ONNX's own) */
  readonly domain?: string;
}

export function nodeProto({ opType, inputs, outputs, attributes = {}, ...rest }: NodeParts): WireWriter {
  const { name = outputs[0] ?? '', domain = '' } = rest;
  const writer = new WireWriter();
  for (const input of inputs) writer.text(1, input);
  for (const output of outputs) writer.text(2, output);
  writer.text(3, name).text(4, opType);
  for (const [key, value] of Object.entries(attributes)) writer.message(5, attributeProto(key, value));
  return domain === '' ? writer : writer.text(7, domain);
}
