/** Whether a gateway serves the models, and the very same ones. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { asSplitError } from '@cutpoint/sdk';
import { fileSource } from '@cutpoint/sdk/gateway';
import { createSplitSession } from '@cutpoint/sdk/node';
import { nodeDisk } from '../disk/node-disk.ts';
import { readLogin } from '../login.ts';
import { openModelStore } from '../models/model-store.ts';
import { sessionDevice } from '../sessions.ts';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

/** A session without a fallback says why the cloud would not answer. */
export async function checkGateway({ config }: Examination): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const login = await readLogin(config).catch(() => undefined);
  if (login === undefined) return [];
  for (const [name, { path, labels: _, fallback: __, ...options }] of Object.entries(config.models)) {
    const folder = join(config.state, 'models', name);
    const store = await openModelStore({ disk: nodeDisk(), folder, basePath: path }).catch(() => undefined);
    const installed = await store?.open(store.slots.active).catch(() => undefined);
    if (installed === undefined) continue; // check-models says why.
    found.push(
      await checkOne(`gateway ${name}`, async () => {
        const session = await createSplitSession(installed.modelPath, {
          broker: config.broker,
          ...login,
          namespace: config.namespace,
          // The agent's own name: a broker with rights grants no other.
          device: sessionDevice(config, name) ?? `doctor-${randomBytes(4).toString('hex')}`,
          model: name,
          fallback: 'none',
          ...options,
        });
        await session.release();
        const digest = await fileSource(installed.modelPath).digest();
        return `it serves the same model (${digest.slice(0, 12)})`;
      }),
    );
  }
  return found;
}

const ADVICE: Readonly<Record<string, string>> = {
  'gateway-unavailable': 'start cutpoint-gateway on this broker; the device answers by itself meanwhile',
  'model-unknown': 'put the model into the folder of the gateway, under this name',
  'model-mismatch': 'the two sides have different files: update the one that is behind',
};

async function checkOne(check: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return ok(check, await look());
  } catch (error) {
    const { code, message } = asSplitError(error);
    if (code === 'broker-unreachable') return warning(check, `not asked: ${message}`, 'see the broker');
    if (code === 'provider-unavailable' || code === 'runtime-failed' || code === 'model-invalid')
      return warning(check, `not asked: ${message}`, 'see the runtime');
    const level = code === 'model-mismatch' ? failure : warning;
    return level(check, `${code}: ${message}`, ADVICE[code] ?? 'the device answers by itself meanwhile');
  }
}
