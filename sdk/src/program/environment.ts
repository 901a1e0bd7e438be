/** Options from the environment: `maxPayloadMb` stands in `CUTPOINT_MAX_PAYLOAD_MB`, or in the file that `…_FILE` names. */
import { readFileSync } from 'node:fs';
import { SplitError } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `maxPayloadMb` as `CUTPOINT_MAX_PAYLOAD_MB`. */
export function environmentName(option: string): string {
  return `CUTPOINT_${option.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * The texts of those options that are there. Of a file, the line feed at its end does not count, as secrets are mounted
 * with or without one.
 * @throws SplitError `options-invalid` for a file that cannot be read, or an option that is given both ways
 */
export function readEnvironment(
  options: readonly string[],
  env: Environment,
): Readonly<Record<string, string>> {
  const found = options.flatMap((option): [string, string][] => {
    const text = textOf(environmentName(option), env);
    return text === undefined ? [] : [[option, text]];
  });
  return Object.fromEntries(found);
}

function textOf(name: string, env: Environment): string | undefined {
  const [text, path] = [env[name], env[`${name}_FILE`]];
  if (path === undefined) return text;
  if (text !== undefined)
    throw new SplitError('options-invalid', `${name} and ${name}_FILE are both set; expected one of them`);
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('options-invalid', `${name}_FILE: ${why}`, { cause });
  }
}
