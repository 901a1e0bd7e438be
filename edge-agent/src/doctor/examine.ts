/** Looks at everything the agent stands on, one thing after the other, from the machine to the gateway. */

import { asSplitError } from '@cutpoint/sdk';
import type { AgentConfig } from '../config.ts';
import { checkBroker } from './check-broker.ts';
import { checkCertificates } from './check-certificates.ts';
import { checkClock } from './check-clock.ts';
import { checkDisk } from './check-disk.ts';
import { checkGateway } from './check-gateway.ts';
import { checkMachine } from './check-machine.ts';
import { checkModels } from './check-models.ts';
import { checkPlaces } from './check-places.ts';
import { checkRuntime } from './check-runtime.ts';
import { type Finding, failure } from './finding.ts';

export interface ExamineOptions {
  /** The agent itself asks: its own port and socket are taken by itself. @default false */
  readonly isRunning?: boolean;
  /** Names of checks, where not all are wanted. */
  readonly only?: readonly CheckName[] | undefined;
  /** Of a web server that knows the time. */
  readonly clockUrl?: string | undefined;
  /** @default this machine's clock */
  readonly now?: () => number;
  /** @default `/`; where `/sys` and others lie */
  readonly root?: string;
}

export interface Examination extends Required<Pick<ExamineOptions, 'isRunning' | 'now' | 'root'>> {
  readonly config: AgentConfig;
  readonly clockUrl: string | undefined;
}

type Check = (examination: Examination) => Promise<readonly Finding[]>;

const CHECKS = {
  machine: checkMachine,
  clock: checkClock,
  disk: checkDisk,
  places: checkPlaces,
  models: checkModels,
  runtime: checkRuntime,
  certificates: checkCertificates,
  broker: checkBroker,
  gateway: checkGateway,
} satisfies Readonly<Record<string, Check>>;

export type CheckName = keyof typeof CHECKS;
export const CHECK_NAMES = Object.keys(CHECKS) as CheckName[];

export async function examine(
  config: AgentConfig,
  options: ExamineOptions = {},
): Promise<readonly Finding[]> {
  const { isRunning = false, clockUrl, now = Date.now, root = '/', only = CHECK_NAMES } = options;
  const findings: Finding[] = [];
  for (const name of CHECK_NAMES.filter((each) => only.includes(each))) {
    try {
      findings.push(...(await CHECKS[name]({ config, isRunning, clockUrl, now, root })));
    } catch (error) {
      const { code, message } = asSplitError(error);
      findings.push(failure(name, `${code}: ${message}`, 'please report that the doctor could not finish'));
    }
  }
  return findings;
}
