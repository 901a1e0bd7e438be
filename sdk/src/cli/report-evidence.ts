/** Parts of the strategy document: what is wanted, what was measured, what was chosen, and what happens when something fails. */
import type { CapacityReport } from '../capacity/capacity-report.ts';
import type { Plan, PlanMachine } from '../planner/plan-file.ts';
import { ratesText, rateText } from '../planner/win-window.ts';
import type { Cell } from '../report/table.ts';
import { bandTable } from './capacity-text.ts';
import { standing, worthALook } from './plan-text.ts';
import type { DocumentPart } from './report-document.ts';
import { facts, leaves, type StrategySources, textOf } from './report-facts.ts';

export function objectives({ plan, capacity, policy }: StrategySources): DocumentPart {
  const { fleet } = capacity;
  const { constraints } = plan.wish;
  const given = 'given: fleet.yaml';
  const rows: [string, string, string][] = [
    ['95th percentile of each class', `${fleet.slo.p95Ms} ms or less`, given],
    ['headroom of the gateways', `${(100 * fleet.headroom).toFixed(0)} %`, given],
    ['what the plan makes least', plan.objective, 'given: the plan’s policy'],
    ...Object.entries(constraints).map(([name, value]): [string, string, string] => [
      name,
      textOf(value),
      'given: the plan’s policy',
    ]),
    ...leaves(policy, 'policy').map(([name, value]): [string, string, string] => [
      name,
      value,
      'given: policy.yaml',
    ]),
  ];
  return {
    heading: 'Objectives and limits',
    tables: [facts('What is wanted, and what may not be given up.', rows)],
  };
}

export function problems({ problems: found }: CapacityReport): readonly DocumentPart[] {
  return found.length === 0 ? [] : [{ heading: 'What cannot be had, and why', steps: found }];
}

export function candidates(plan: Plan): DocumentPart {
  const shown = worthALook(plan.arms);
  const rows = shown.map((arm): Cell[] => {
    const { headMs, encodeMs, sentBytes, tailMs, receivedBytes, lastMs } = arm.cost;
    const loss = arm.accuracyLoss === null ? undefined : 100 * arm.accuracyLoss;
    return [
      arm.name,
      headMs,
      encodeMs,
      sentBytes / 1000,
      tailMs,
      receivedBytes / 1000,
      lastMs,
      arm.error ?? undefined,
      loss,
      arm.isGuess ? 'guessed: an assumption' : 'measured',
      standing(arm) || 'never best',
    ];
  });
  return {
    heading: 'Candidates and their evidence',
    paragraphs: [
      `Times on the device were ${machineText(plan.edge)}; in the cloud ${machineText(plan.cloud)}.`,
      plan.calibration
        ? `Errors and losses are from a calibration with ${plan.calibration.inputs} inputs, by ${plan.calibration.metric}.`
        : 'Nobody calibrated: what the number formats do to the answers was not measured.',
    ],
    tables: [
      {
        caption: `${shown.length} of ${plan.arms.length} arms: the best ones, the rivals, and of each cut the one that sends least.`,
        columns: [
          { title: 'arm' },
          { title: 'head', unit: 'ms' },
          { title: 'pack', unit: 'ms' },
          { title: 'sends', unit: 'KB' },
          { title: 'tail', unit: 'ms' },
          { title: 'back', unit: 'KB' },
          { title: 'last', unit: 'ms' },
          { title: 'error', unit: 'rel. L2' },
          { title: 'loss', unit: '%' },
          { title: 'from' },
          { title: 'best' },
        ],
        rows,
      },
    ],
  };
}

function machineText({ device, provider, runtime, threads, slowdown }: PlanMachine): string {
  const played = slowdown > 1 ? `, stretched ${slowdown} times to play a slower machine: an assumption` : '';
  return `taken on ${device}, ${runtime} ${provider}, ${threads} threads${played}`;
}

export function bands(plan: Plan, capacity: CapacityReport): DocumentPart {
  const nameOf = (id: string) => plan.arms.find((arm) => arm.id === id)?.name ?? id;
  return {
    heading: 'Chosen bands',
    paragraphs: [
      `Round trip ${Number(plan.link.roundTripMs.toPrecision(3))} ms and downlink ${rateText(plan.link.downlinkBitsPerSecond)} are assumptions of the plan.`,
    ],
    tables: [
      facts(
        'The plan: with idle gateways, the best arm on each uplink.',
        plan.windows.map((window) => [
          ratesText(window),
          nameOf(window.armId),
          `computed: plan ${plan.hash.slice(0, 12)}`,
        ]),
      ),
      bandTable(capacity),
    ],
  };
}

export function switching({ classes }: CapacityReport): DocumentPart {
  return {
    heading: 'Switching policy',
    paragraphs: [
      'Each session decides anew for every request, from the stages of those before: link, device and gateway are told apart. It moves where what it saves, times how long it will likely stay, is more than moving costs; a fleet’s moves for the cloud’s sake are spread over requests.',
      'While a device works alone, it now and then sends a probe beside its own run. What is beyond the limits above is no arm at all and is not probed.',
    ],
    tables: [
      {
        caption: 'Simulated with the controller that sessions have.',
        columns: [{ title: 'class' }, { title: 'arms in use' }, { title: 'probes', unit: '% of requests' }],
        rows: classes.map(({ name, arms, probeShare }) => [
          name,
          arms.map((arm) => `${arm.name} ${(100 * arm.share).toFixed(0)} %`).join(', '),
          100 * probeShare,
        ]),
      },
    ],
  };
}

export function fallback({ plan, capacity }: StrategySources): DocumentPart {
  const deadlines = capacity.fleet.classes
    .map(({ name, deadlineMs }) => `${name} ${deadlineMs} ms`)
    .join(', ');
  const own = plan.wish.constraints.deadlineMs;
  return {
    heading: 'Fallback ladder',
    steps: [
      'The arm in use, at the gateway that the device ranks first: by distance, by the load that gateways announce, and by its own lot among those that are near.',
      'An answer that is late: the device goes on from its head beside the cloud; whichever is first counts.',
      'A gateway that refuses, dies or stays silent: the device finishes this request, and asks another gateway for the next.',
      'No gateway that may be used: the device alone, as far as the session allows it; otherwise an error with a code. Never a gateway of a region that is not allowed.',
      `The deadline ends the request: ${deadlines} (given: fleet.yaml)${own === undefined ? '' : `, and at most ${own} ms (given: the plan)`}.`,
    ],
    tables: [
      {
        caption: 'Simulated: how often the ladder was used.',
        columns: [{ title: 'class' }, { title: 'late', unit: '%' }, { title: 'refused', unit: '%' }],
        rows: capacity.classes.map((one) => [one.name, 100 * one.lateShare, 100 * one.refusedShare]),
      },
    ],
  };
}
