/** What sessions of an agent need besides their models: login, audit log, and the counters of gateways' descriptors. */
import { join } from 'node:path';
import { openCounters } from '@cutpoint/sdk/bundle';
import { openAudit } from './audit.ts';
import type { AgentConfig } from './config.ts';
import type { Login } from './login.ts';
import type { InstalledModel } from './models/model-store.ts';
import { type OpenSession, sessionOpener } from './sessions.ts';

export interface SessionsDoor {
  readonly openSession: OpenSession;
  /** A version is used from now on. */
  onUse(model: string, installed: InstalledModel): void;
  /** When no session is left. */
  close(): Promise<void>;
}

/** @throws SplitError `options-invalid` for an audit log that cannot be gone on with, `bundle-invalid` for such counters */
export async function openSessions(config: AgentConfig, login: Login): Promise<SessionsDoor> {
  const counters = await openCounters(join(config.state, 'gateway-counters.json'));
  const audit = await openAudit(config);
  return {
    openSession: sessionOpener(config, { login, audit, counters }),
    onUse: (model, { place, version, counter, sha256 = null }) =>
      audit?.trail.note('model-change', { change: 'in use', model, version, place, counter, sha256 }),
    close: async () => audit?.close(),
  };
}
