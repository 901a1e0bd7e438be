/** Whether the configuration's policy keeps the weights of a model's tail off this device. */
import { SplitError } from '@cutpoint/sdk';
import { placementRules } from '@cutpoint/sdk/gateway';
import { parse } from 'yaml';
import type { ModelConfig } from '../config-schema.ts';
import { readIfThere } from '../disk/durable-file.ts';

/** @throws SplitError `options-invalid` for a policy that cannot be read: it may be the one that forbids */
export async function takesHeadAlone({ policy, dataClass }: ModelConfig): Promise<boolean> {
  if (policy === undefined) return false;
  const text = await readIfThere(policy);
  if (text === undefined) throw new SplitError('options-invalid', `policy ${policy} is not there`);
  return placementRules(parse(Buffer.from(text).toString('utf8')), dataClass).tailWeights === 'cloud';
}
