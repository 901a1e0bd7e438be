/** What a session of a head cannot do, refused when it is made and not when the cloud is away. */
import { SplitError } from '../errors.ts';
import type { HeadOfModel } from './head-executor.ts';
import type { SplitModel } from './open-model.ts';
import type { ResolvedOptions, SplitSessionOptions } from './options.ts';

export function isHead(model: SplitModel): model is HeadOfModel {
  return model.head !== undefined;
}

/**
 * The options as they can be kept: there is nothing to fall back on.
 * @param given as the caller wrote them, where a default is no wish
 * @throws SplitError `options-invalid` for a wish that needs the tail's weights
 */
export function headOptions(given: SplitSessionOptions, options: ResolvedOptions): ResolvedOptions {
  if (given.fallback === 'local') throw lacks('fallback', 'local');
  if (options.outputs === 'stay') throw lacks('outputs', 'stay');
  if (options.queue.whenFull === 'local') throw lacks('queue.whenFull', 'local');
  return { ...options, fallback: 'none' };
}

function lacks(option: string, value: string): SplitError {
  return new SplitError(
    'options-invalid',
    `${option}: '${value}' needs the whole model, and this file holds its head alone`,
  );
}
