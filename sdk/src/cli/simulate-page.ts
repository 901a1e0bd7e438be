/** The page that `cutpoint simulate --html` writes. */
import { htmlList, htmlTable } from '../report/html.ts';
import { renderPage } from '../report/page.ts';
import { traceChart } from '../report/trace-chart.ts';
import { changesOf, SIMULATION_COLUMNS, simulationRows } from './simulate-text.ts';
import { answer, resultNamed, type Simulation, sceneText, stays } from './simulation.ts';

export interface SimulatePageContext {
  /** The command that made the page. */
  readonly command: string;
  readonly date: Date;
}

const MOST_CHANGES = 500;
const POINTS = 600;

export function simulatePage(simulation: Simulation, context: SimulatePageContext): string {
  const controller = resultNamed(simulation, 'controller');
  const changes = changesOf(controller);
  return renderPage({
    title: `Simulation of ${simulation.trace}`,
    answer: answer(simulation),
    subtitle: sceneText(simulation),
    picture: {
      svg: picture(simulation),
      caption:
        'Above the uplink as it was played; in the middle the arm in use, the device lowest and the shallowest cut highest; below the time of each request of the first device: the line is the oracle, dots are the controller.',
    },
    sections: [
      {
        heading: 'Who chooses, and what it takes',
        html: htmlTable({
          caption:
            'Means over all requests. The oracle knows the trace; the others do not. The controller is in bold.',
          columns: SIMULATION_COLUMNS,
          rows: simulationRows(simulation),
          best: 1,
        }),
      },
      {
        heading: `Why the arm changed: ${changes.length} times`,
        html: htmlTable({
          caption: 'Every change of the first device, with the numbers it rests on.',
          columns: [{ title: 'at', unit: 's' }, { title: 'change' }],
          rows: changes.slice(0, MOST_CHANGES).map(({ atMs, text }) => [atMs / 1000, text]),
        }),
        isFolded: true,
      },
      { heading: 'How it was played', html: origin(simulation, context) },
    ],
  });
}

function picture(simulation: Simulation): string {
  const { uplink, plan } = simulation;
  const ofDevice = (name: string) =>
    resultNamed(simulation, name).requests.filter(({ device }) => device === 0);
  const controller = ofDevice('controller');
  const used = stays(resultNamed(simulation, 'controller'));
  const inUse = new Set(used.map(({ armId }) => armId));
  const arms = plan.arms.filter(({ id }) => inUse.has(id)).toSorted((a, b) => b.depth - a.depth);
  const stepMs = uplink.durationMs / POINTS;
  return traceChart({
    description: `${answer(simulation)} Uplink, arm in use and time of each request over ${(uplink.durationMs / 1000).toFixed(0)} seconds.`,
    durationMs: uplink.durationMs,
    rates: Array.from({ length: POINTS }, (_, i) => uplink.bitsPerSecondAt(i * stepMs) / 1e6),
    arms: arms.map(({ id, name, kind }) => ({ id, name, kind })),
    stays: used,
    times: controller.map(({ startMs, totalMs }) => ({ atMs: startMs, ms: totalMs })),
    leastTimes: controller.map(({ startMs, bestMs }) => ({ atMs: startMs, ms: bestMs })),
  });
}

function origin({ plan, trace, scale }: Simulation, { command, date }: SimulatePageContext): string {
  return htmlList({
    trace: `${trace}, times ${scale}; a transfer takes what the varying rate needs for its bytes`,
    'round trip': `${Number(plan.link.roundTripMs.toPrecision(3))} ms`,
    'plan of': `${plan.edge.device} and ${plan.cloud.device}; ${plan.hash.slice(0, 12)}`,
    command,
    date: date.toISOString().slice(0, 16).replace('T', ' '),
  });
}
