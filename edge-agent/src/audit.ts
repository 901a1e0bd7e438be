/** The agent's audit log, where one is configured: one for all its models. */
import { readFile } from 'node:fs/promises';
import { SplitError } from '@cutpoint/sdk';
import { readPrivateKey } from '@cutpoint/sdk/bundle';
import { type AuditSink, type AuditTrail, createAuditTrail, openAuditLog } from '@cutpoint/sdk/gateway';
import type { AgentConfig } from './config.ts';

export interface AgentAudit extends AuditSink {
  /** For what the agent itself does. */
  readonly trail: AuditTrail;
  close(): Promise<void>;
}

/** @throws SplitError `options-invalid` for a log that was changed or cannot be written, or a key that cannot be read */
export async function openAudit({
  audit,
  device = 'device',
}: Pick<AgentConfig, 'audit' | 'device'>): Promise<AgentAudit | undefined> {
  if (audit === undefined) return undefined;
  const key = audit.key === undefined ? undefined : readPrivateKey(await readPem(audit.key));
  const log = await openAuditLog(audit.file, { key });
  const trail = createAuditTrail(log, device);
  trail.note('log-opened', { device });
  return {
    trail,
    append: (event) => log.append(event),
    close: async () => {
      await trail.flush();
      await log.close();
    },
  };
}

async function readPem(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SplitError('options-invalid', `audit.key is ${path}, which cannot be read`, { cause });
  });
}
