/** What the strategy document says, and of each number where it is from. */
import { planAnswer } from '../planner/plan-answer.ts';
import { capacityPicture } from './capacity-page.ts';
import { capacityAnswer } from './capacity-text.ts';
import { residency } from './report-data.ts';
import type { StrategyDocument } from './report-document.ts';
import { bands, candidates, fallback, objectives, problems, switching } from './report-evidence.ts';
import type { StrategySources } from './report-facts.ts';
import { leakagePart } from './report-leakage.ts';
import { capacityPart, costs, origins, watching } from './report-operation.ts';

export function strategyDocument(sources: StrategySources): StrategyDocument {
  const { plan, capacity, date, command } = sources;
  return {
    title: `Partitioning strategy of ${capacity.fleet.name}`,
    answer: `${planAnswer(plan)} ${capacityAnswer(capacity)}`,
    subtitle: `Made ${date.toISOString().slice(0, 10)} by ${command}. Where a number is from stands beside it: measured, simulated, given, or assumed.`,
    picture: {
      svg: capacityPicture(capacity),
      caption:
        'Simulated. A dot is the 95th percentile, open where the objective is missed; a bar reaches from the median to the 99th percentile.',
    },
    parts: [
      objectives(sources),
      ...problems(capacity),
      candidates(plan),
      bands(plan, capacity),
      switching(capacity),
      fallback(sources),
      residency(sources),
      leakagePart(sources.leakage),
      capacityPart(sources),
      costs(capacity),
      watching(),
      origins(sources),
    ],
  };
}
