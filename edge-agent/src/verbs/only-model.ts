/** Which model is meant, where a verb takes one. */
import { SplitError } from '@cutpoint/sdk';
import type { AgentConfig } from '../config.ts';

/** @throws SplitError `options-invalid` for a name that is not there, or none where there are several */
export function onlyModel({ models }: Pick<AgentConfig, 'models'>, name: string | undefined): string {
  const names = Object.keys(models);
  const [only = ''] = names;
  if (name === undefined && names.length === 1) return only;
  if (name !== undefined && names.includes(name)) return name;
  throw new SplitError('options-invalid', `model is '${name ?? ''}'; expected one of ${names.join(', ')}`);
}
