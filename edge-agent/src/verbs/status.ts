/** `cutpoint-edge status`: how the running agent stands, for people or as JSON. */
import { renderTable } from '@cutpoint/sdk/report';
import type { AgentStatus } from '../status.ts';
import { askAgent } from './ask-agent.ts';
import { type AddVerb, addConfigFlags, type ConfigFlags, configOf } from './verb.ts';

export const statusVerb: AddVerb = (program, _version, choose) => {
  addConfigFlags(program.command('status'))
    .description('how the running agent stands: models, versions, updates, queues, machine')
    .option('--json', 'as one JSON document')
    .action((flags: ConfigFlags & { json?: boolean }) => {
      choose(async (world) => {
        const { socket } = await configOf(flags);
        const status = (await askAgent(socket, { path: '/control/status' })) as AgentStatus;
        world.writeOut(flags.json ? `${JSON.stringify(status, null, 2)}\n` : statusText(status));
        return undefined;
      });
    });
};

export function statusText(status: AgentStatus): string {
  const { agent, device = 'no fleet', upSeconds, broker, degraded, machine } = status;
  const models = Object.entries(status.models).map(([name, model]) => [
    name,
    versionText(model),
    model.stats?.splitAnswers ?? 0,
    (model.stats?.localAnswers ?? 0) + (model.stats?.fallbacks ?? 0),
    model.stats?.failures ?? 0,
    updateText(model),
  ]);
  const queues = Object.entries(status.queues).filter(([, { count, dropped }]) => count + dropped > 0);
  return [
    `agent ${agent} on ${device}, up ${durationText(upSeconds)}, broker ${broker}`,
    ...degraded.map((reason) => `without ${reason}`),
    '',
    renderTable(['model', 'version', 'split', 'on the device', 'failed', 'update'], models).trimEnd(),
    ...queues.map(
      ([name, { count, bytes, dropped }]) => `${name}: ${count} wait (${bytes} bytes), ${dropped} dropped`,
    ),
    '',
    machineText(machine),
    '',
  ].join('\n');
}

function versionText({ version, isConfirmed, headTo }: AgentStatus['models'][string]): string {
  if (version === undefined) return 'none yet';
  const notes = [headTo && `head to ${headTo}`, !isConfirmed && 'on probation'].filter(Boolean);
  return notes.length === 0 ? version : `${version} (${notes.join(', ')})`;
}

function updateText({ update, last }: AgentStatus['models'][string]): string {
  if (update) return [update.step, update.version, update.reason].filter(Boolean).join(' ');
  if (!last) return '';
  return [`${last.outcome} ${last.version}`, last.reason && `at ${last.step}: ${last.reason}`]
    .filter(Boolean)
    .join(' ');
}

function machineText({
  rssBytes,
  freeMemoryBytes,
  load1,
  temperatureCelsius,
  isThrottled,
  powerMode,
  governor,
}: AgentStatus['machine']) {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return [
    `uses ${megabytes(rssBytes)}, ${megabytes(freeMemoryBytes)} free, load ${load1}`,
    temperatureCelsius && `${temperatureCelsius.toFixed(0)} °C`,
    isThrottled && 'slowed down for heat',
    powerMode ? `power mode ${powerMode}` : governor && `governor ${governor}`,
  ]
    .filter(Boolean)
    .join(', ');
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
