/** Node, memory, temperature, power mode. */
import { isRecentNode, LEAST_NODE, type MachineMode } from '@cutpoint/sdk/program';
import { machineHealth } from '../fleet/machine.ts';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

const HOT_CELSIUS = 80;
/** What the agent takes beside its models. */
const AGENT_BYTES = 150e6;

export async function checkMachine({ root }: Examination): Promise<readonly Finding[]> {
  const machine = await machineHealth(root);
  return [
    checkNode(process.versions.node),
    checkMemory(machine.freeMemoryBytes),
    checkHeat(machine),
    ...mode(machine),
  ];
}

export function checkNode(version: string): Finding {
  if (isRecentNode(version)) return ok('node', version);
  return failure('node', `this is Node ${version}`, `install Node ${LEAST_NODE} or newer`);
}

function checkMemory(bytes: number): Finding {
  const text = `${Math.round(bytes / 1e6)} MB free`;
  if (bytes >= AGENT_BYTES) return ok('memory', text);
  return warning(
    'memory',
    text,
    `the agent needs ${AGENT_BYTES / 1e6} MB beside its models: end other programs`,
  );
}

function checkHeat({ temperatureCelsius: celsius, isThrottled }: MachineMode): Finding {
  if (isThrottled)
    return warning(
      'temperature',
      `${celsius === undefined ? '' : `${celsius.toFixed(0)} °C, `}a processor is slowed down for heat`,
      'cool it, or use a lower power mode',
    );
  if (celsius === undefined) return ok('temperature', 'no sensor');
  const text = `${celsius.toFixed(0)} °C`;
  if (celsius < HOT_CELSIUS) return ok('temperature', text);
  return warning(
    'temperature',
    text,
    `above ${HOT_CELSIUS} °C the machine slows down: cool it, or use a lower power mode`,
  );
}

function mode({ powerMode, governor }: MachineMode): readonly Finding[] {
  if (powerMode !== undefined) return [ok('power', `mode ${powerMode}`)];
  if (governor !== 'powersave') return [];
  return [
    warning(
      'power',
      'the processors save power',
      'for the least latency: cpupower frequency-set -g performance',
    ),
  ];
}
