/** The gateway's audit log, where one is configured. */
import { readFile } from 'node:fs/promises';
import { SplitError } from '@cutpoint/sdk';
import { readPrivateKey } from '@cutpoint/sdk/bundle';
import { type AuditTrail, createAuditTrail, openAuditLog } from '@cutpoint/sdk/gateway';
import type { GatewayConfig } from '../config.ts';

export interface OpenedAudit {
  readonly trail: AuditTrail;
  close(): Promise<void>;
}

/** @throws SplitError `options-invalid` for a log that was changed or cannot be written, or a key that cannot be read */
export async function openAudit({
  id,
  audit: path,
  auditKey,
}: Pick<GatewayConfig, 'id' | 'audit' | 'auditKey'>): Promise<OpenedAudit> {
  if (path === undefined) return { trail: createAuditTrail(undefined, id), close: async () => {} };
  const key = auditKey === undefined ? undefined : readPrivateKey(await readPem(auditKey));
  const log = await openAuditLog(path, { key });
  const trail = createAuditTrail(log, id);
  trail.note('log-opened', { gateway: id });
  return {
    trail,
    close: async () => {
      await trail.flush();
      await log.close();
    },
  };
}

async function readPem(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SplitError('options-invalid', `auditKey is ${path}, which cannot be read`, { cause });
  });
}
