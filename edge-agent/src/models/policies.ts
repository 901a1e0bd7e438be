/** What the fleet says of how models are used, kept so that it holds at a start without a cloud too. */
import { z } from 'zod';
import { type PolicyConfig, policySchema } from '../config-schema.ts';
import type { Disk } from '../disk/disk.ts';
import { readJson, replaceJson } from '../disk/durable-file.ts';

export interface Policies {
  of(model: string): PolicyConfig;
  /** On the disk when it resolves. @returns whether anything is different now */
  set(model: string, policy: PolicyConfig): Promise<boolean>;
}

const schema = z.record(z.string(), policySchema);

export async function openPolicies(disk: Disk, path: string): Promise<Policies> {
  let policies = (await readJson(path, schema)) ?? {};
  return {
    of: (model) => policies[model] ?? {},
    async set(model, policy) {
      if (sameText(policies[model] ?? {}, policy)) return false;
      const next = { ...policies, [model]: policy };
      await replaceJson(disk, path, next);
      policies = next;
      return true;
    },
  };
}

function sameText(a: PolicyConfig, b: PolicyConfig): boolean {
  const text = (policy: PolicyConfig) => JSON.stringify(Object.entries(policy).sort());
  return text(a) === text(b);
}
