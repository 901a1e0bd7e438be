/** What cannot be had and why, and what a report takes for granted. */

import { rateText } from '../planner/win-window.ts';
import { ANNOUNCING } from '../transport/announcement-pace.ts';
import type { BrokerLoad } from './broker-load.ts';
import type { ClassCapacity, RegionCapacity } from './capacity-report.ts';
import type { Fleet, FleetGateway } from './fleet-file.ts';
import type { ClassPlan } from './fleet-plans.ts';
import { heldMb } from './gateway-memory.ts';

export function problemsOf(
  { slo, headroom, gateway, broker: limits }: Fleet,
  {
    regions,
    classes,
    broker,
  }: {
    readonly regions: readonly RegionCapacity[];
    readonly classes: readonly ClassCapacity[];
    readonly broker: BrokerLoad;
  },
): readonly string[] {
  const slow = classes
    .filter(({ meetsSlo }) => !meetsSlo)
    .map(({ name, idle, latency }) =>
      idle.floorP95Ms > slo.p95Ms
        ? `${name}: at ${rateText(idle.atBitsPerSecond)}, which 5 % of its requests do not have, the best arm (${idle.atArm}) takes ${ms(idle.floorP95Ms)} even with idle gateways; the objective is ${ms(slo.p95Ms)}, the device alone takes ${ms(idle.deviceMs)}. More gateways do not help: a faster link, a smaller model or a later objective does.`
        : `${name}: 95 % take ${ms(latency.p95Ms)} or less; the objective is ${ms(slo.p95Ms)}, which the gateways allowed do not give.`,
    );
  const full = regions
    .filter((region) => region.utilisation > 1 - headroom + 1e-9)
    .map(
      ({ name, utilisation: used, gateways }) =>
        `${name}: its ${gateways} gateways are busy ${percent(used)} of the time; the headroom of ${percent(headroom)} leaves ${percent(1 - headroom)}, and the file allows ${gateway.maxGateways} at most, or fixes their number.`,
    );
  const cramped = regions.flatMap((region) => crampedText(region, gateway) ?? []);
  const parted =
    broker.brokers > 1
      ? [
          `one broker carries ${whole(limits.maxMessagesPerSecond)} messages/s and ${whole(limits.maxMegabytesPerSecond)} MB/s; all together are ${whole(broker.messagesPerSecond)} messages/s, of them ${whole(broker.announcementsPerSecond)} announcements that every device hears, and ${whole(broker.megabytesPerSecond)} MB/s. Part the fleet into ${broker.brokers} brokers, each with gateways of its own.`,
        ]
      : [];
  return [...slow, ...full, ...cramped, ...parted];
}

/** More gateways hold the same models each. */
function crampedText(
  { name, memory }: RegionCapacity,
  { executorMemoryMb }: FleetGateway,
): string | undefined {
  if (!memory?.share || memory.share <= 1) return undefined;
  const { models, weightsMb, activationsMb } = memory;
  const each = models.map((model) => `${model.classes.join(' and ')} ${mebibytes(heldMb(model))}`).join(', ');
  const parts = `${mebibytes(weightsMb)} of weights and ${mebibytes(activationsMb)} of activations`;
  return `${name}: each executor of its gateways would hold ${parts} (${each}), and has ${mebibytes(executorMemoryMb ?? 0)}. More gateways do not help, as each holds the same: more memory, smaller models or batches, ranks (docs/strategies.md), or fewer models in the region do.`;
}

export function assumptionsOf(
  { gateway, noise }: Fleet,
  classes: readonly ClassPlan[],
  regions: readonly RegionCapacity[],
): readonly string[] {
  const guessed = classes.filter(({ arms, plan }) =>
    arms.some(({ arm }) => plan.arms.find(({ id }) => id === arm.id)?.isGuess),
  );
  return [
    ...(gateway.batches.length === 0 ? ['Batches gain nothing: the file does not say what they take.'] : []),
    'A gateway decodes and encodes in its executors’ time: real ones do that beside them.',
    `Times vary by ${percent(noise)} (log-normal), each request by itself.`,
    `What gateways announce is up to ${ANNOUNCING.shortestMs / 1000} s old; one that dies is known to be gone at once, by its will.`,
    'Rates of links are spread as the file says and do not change, but for classes with a trace.',
    'A request that would come while its device is busy with another is left out.',
    ...memoryAssumptions(regions),
    ...guessed.map(({ about }) => `${about.name}: the plan rests on times that were guessed, not measured.`),
  ];
}

function memoryAssumptions(regions: readonly RegionCapacity[]): readonly string[] {
  const uncounted = new Set(
    regions.flatMap(({ memory }) =>
      (memory?.models ?? []).flatMap(({ classes, activationsMb }) => (activationsMb === null ? classes : [])),
    ),
  );
  const tight = regions.filter(({ memory }) => (memory?.share ?? 1) <= 1 && (memory?.updateShare ?? 0) > 1);
  return [
    ...(uncounted.size > 0
      ? [
          `Activations of ${[...uncounted].join(', ')} are not counted: neither file nor plan says what they take.`,
        ]
      : []),
    ...tight.map(
      ({ name, memory }) =>
        `${name}: not all models get new versions while they are served: all that gateways keep, with one more of the largest, would take ${percent(memory?.updateShare ?? 0)} of an executor’s memory (keepVersions).`,
    ),
  ];
}

const mebibytes = (value: number) => `${Number(value.toPrecision(3)).toLocaleString('en')} MiB`;
const ms = (value: number) => `${value.toFixed(0)} ms`;
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const whole = (value: number) => value.toFixed(0);
