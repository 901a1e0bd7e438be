/** Whether each model is here as it should be: file, digests, signature, keys, and how its last update went. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asSplitError } from '@cutpoint/sdk';
import { readTrustedKeys, type TrustedKey } from '@cutpoint/sdk/bundle';
import { nodeDisk } from '../disk/node-disk.ts';
import { openModelStore } from '../models/model-store.ts';
import { planModeDifferences, planModeText } from '../models/plan-mode.ts';
import type { Place, UpdateOutcome } from '../models/slots-file.ts';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

export async function checkModels({ config, root }: Examination): Promise<readonly Finding[]> {
  const { keys, findings } = await checkKeys(config.updates.keys);
  for (const [name, { path }] of Object.entries(config.models)) {
    const check = `model ${name}`;
    try {
      const folder = join(config.state, 'models', name);
      const store = await openModelStore({ disk: nodeDisk(), folder, basePath: path, trustedKeys: keys });
      findings.push(...(await checkSlots(check, store)));
      const installed = await store.open(store.slots.active).catch(() => undefined);
      const differences = await planModeDifferences({ config: config.models[name], installed, root });
      if (differences.length > 0)
        findings.push(
          warning(
            check,
            planModeText(differences),
            'cutpoint profile and plan again as it runs now, or put that mode back',
          ),
        );
    } catch (error) {
      findings.push(
        failure(
          check,
          asSplitError(error).message,
          'remove the file; the agent goes back to the configured model',
        ),
      );
    }
  }
  return findings;
}

async function checkKeys(
  path: string | undefined,
): Promise<{ keys: readonly TrustedKey[] | undefined; findings: Finding[] }> {
  if (path === undefined) return { keys: undefined, findings: [] };
  try {
    const keys = readTrustedKeys(await readFile(path, 'utf8'));
    return { keys, findings: [ok('keys', `${path}: ${keys.map(({ keyId }) => keyId).join(', ')}`)] };
  } catch (error) {
    const advice = 'updates.keys names the public half of what cutpoint sign uses, in PEM';
    return {
      keys: undefined,
      findings: [failure('keys', `${path}: ${asSplitError(error).message}`, advice)],
    };
  }
}

async function checkSlots(
  check: string,
  { slots, open }: Awaited<ReturnType<typeof openModelStore>>,
): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const place of new Set<Place>([slots.active, slots.previous])) {
    try {
      const { version, modelPath } = await open(place);
      await stat(modelPath);
      if (place === slots.active) found.push(ok(check, `version ${version}, ${modelPath}`));
    } catch (error) {
      found.push(slotFinding(check, { place, isActive: place === slots.active, error }));
    }
  }
  const { last } = slots;
  if (last && last.outcome !== 'installed') found.push(lastFinding(check, last));
  return found.filter((finding) => finding.what !== '');
}

function slotFinding(check: string, o: { place: Place; isActive: boolean; error: unknown }): Finding {
  const { code, message } = asSplitError(o.error);
  const what =
    (o.error as { code?: string }).code === 'ENOENT'
      ? `${(o.error as { path?: string }).path} is not there`
      : message;
  // A device that has had no update has nothing to go back to, which is as it should be.
  if (!o.isActive && code === 'model-unknown') return ok(check, '');
  if (code === 'model-unknown')
    return warning(check, 'no version is here yet', 'install one: cutpoint-edge update BUNDLE');
  if (o.place === 'base') return failure(check, what, 'correct its path in the configuration');
  const advice = o.isActive
    ? 'the agent uses the version before; install the bundle again: cutpoint-edge update BUNDLE'
    : 'there is nothing to go back to until the next update';
  return o.isActive ? failure(check, `${code}: ${what}`, advice) : warning(check, `${code}: ${what}`, advice);
}

function lastFinding(check: string, { outcome, version, step, reason }: UpdateOutcome): Finding {
  const what = `version ${version} ${outcome} at ${step}${reason ? `: ${reason}` : ''}`;
  if (step === 'by-hand') return ok(check, what);
  return warning(check, what, 'publish a bundle with a higher counter that mends this');
}
