/** Whether the plan of a model was made of times that this machine took in another power mode, or cooler. */
import { join } from 'node:path';
import { modeDifferences, readPlan } from '@cutpoint/sdk';
import { readMachineMode } from '@cutpoint/sdk/program';
import { z } from 'zod';
import type { ModelConfig } from '../config-schema.ts';
import { readIfThere, readJson } from '../disk/durable-file.ts';
import type { InstalledModel } from './model-store.ts';

export interface PlanModeOptions {
  readonly config: ModelConfig | undefined;
  readonly installed: InstalledModel | undefined;
  /** @default `/` */
  readonly root?: string | undefined;
}

/** @returns what is otherwise, in words; nothing where there is no plan, or none that says. A broken plan is the session's to refuse. */
export async function planModeDifferences({
  config,
  installed,
  root,
}: PlanModeOptions): Promise<readonly string[]> {
  try {
    const path = await planPath({ config, installed });
    const mode = path === undefined ? undefined : readPlan(await readJson(path, z.unknown())).edge.mode;
    return mode ? modeDifferences(mode, await readMachineMode(root)) : [];
  } catch {
    return [];
  }
}

/** As sessions are opened: what the bundle brings wins over the configuration. */
async function planPath({ config, installed }: PlanModeOptions): Promise<string | undefined> {
  const bundled = installed?.folder && join(installed.folder, 'plan.json');
  return bundled && (await readIfThere(bundled)) ? bundled : config?.plan;
}

export function planModeText(differences: readonly string[]): string {
  return `its plan was made in another mode of this machine: ${differences.join('; ')}`;
}
