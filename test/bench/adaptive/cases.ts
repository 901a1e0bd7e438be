/** The plans and recorded links of the suite, read from beside this file. */
import { readdirSync, readFileSync } from 'node:fs';
import type { SimulatedPlan } from '../../../sdk/src/adaptive/simulated-plan.ts';
import { readTrace } from '../../../sdk/src/adaptive/trace-file.ts';
import type { Shape } from './scenes.ts';

export interface NamedPlan extends SimulatedPlan {
  readonly name: string;
}

export function benchPlans(): readonly NamedPlan[] {
  return filesIn('plans', '.json').map(({ name, text }) => ({
    ...(JSON.parse(text) as SimulatedPlan),
    name,
  }));
}

export function recordedShapes(): readonly Shape[] {
  return filesIn('traces', '.txt').map(({ name, text }, index) => ({
    ...{ name, seed: index + 1, samples: readTrace(text) },
  }));
}

function filesIn(
  folder: string,
  ending: string,
): readonly { readonly name: string; readonly text: string }[] {
  const path = new URL(`${folder}/`, import.meta.url);
  const names = readdirSync(path)
    .filter((name) => name.endsWith(ending))
    .toSorted();
  return names.map((name) => ({
    name: name.slice(0, -ending.length),
    text: readFileSync(new URL(name, path), 'utf8'),
  }));
}
