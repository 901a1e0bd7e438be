/** gateway.example.yaml, made from the schema: every option with what it means, its limits and its default. */
import { stringify } from 'yaml';
import { configJsonSchema } from './schema.ts';

interface Property {
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const WIDTH = 100;
/** What stands there for options without a default. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  models: './models',
  broker: 'mqtts://gateway:PASSWORD@broker.example:8883',
  listen: '127.0.0.1:1883',
  devices: './devices.yaml',
  tlsCert: './broker.crt',
  tlsKey: './broker.key',
  tlsCa: './ca.crt',
  http: '127.0.0.1:8000',
  pages: './public',
  tracesUrl: 'http://collector:4318/v1/traces',
  id: 'gw-1',
  threads: 4,
  webSocket: '127.0.0.1:8083',
  webOrigins: ['https://app.example'],
  decodeThreads: 2,
  trustedKeys: './release.pem.pub',
  bundleCounters: './state/counters.json',
  ranksFolder: './state/ranks',
  executorMemoryMb: 40_000,
  next: 'mqtts://fog-1:PASSWORD@cloud.example:8883',
  nextKeyId: 'k1',
  nextKey: './next.key',
  nextGatewayKeys: './operators.pem',
  nextGatewayCounters: './state/gateway-counters.json',
  region: 'eu-central',
  cloudProvider: 'own',
  retentionMs: 60_000,
  descriptor: './gw-1.descriptor.json',
  audit: './audit.jsonl',
  auditKey: './audit.pem',
};

/** @param isAllSet every option set, instead of all but the needed one being comments */
export function exampleYaml({ isAllSet = false }: { readonly isAllSet?: boolean } = {}): string {
  const properties = configJsonSchema().properties as Readonly<Record<string, Property>>;
  const parts = Object.entries(properties).map(([name, property]) => {
    const value = name in EXAMPLES ? EXAMPLES[name] : property.default;
    const setting = stringify({ [name]: value }).trimEnd();
    const isLeftOut = !isAllSet && name !== 'models';
    return [
      ...comment(property),
      ...setting.split('\n').map((line) => (isLeftOut ? `# ${line}` : line)),
    ].join('\n');
  });
  return `# yaml-language-server: $schema=./config.schema.json\n# Every option of cutpoint-gateway. cutpoint-gateway check-config FILE says what is wrong with a file.\n\n${parts.join('\n\n')}\n`;
}

function comment({ description = '', minimum, maximum, enum: choices, default: preset }: Property): string[] {
  const facts = [
    choices && `One of ${choices.join(', ')}.`,
    minimum !== undefined && maximum !== undefined && `${minimum} to ${maximum}.`,
    preset !== undefined && `Default ${JSON.stringify(preset)}.`,
  ].filter(Boolean);
  return wrap([description, ...facts].join(' ')).map((line) => `# ${line}`);
}

function wrap(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) as string;
    if (line.length + word.length < WIDTH) lines[lines.length - 1] = line ? `${line} ${word}` : word;
    else lines.push(word);
  }
  return lines;
}
