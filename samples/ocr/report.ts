/** From measured steps to what is said of them: one row a bandwidth and rule, beside what else the rule allows. */
import type { Trace } from '@cutpoint/sdk/node';
import { type Choice, RULES, type Step } from './measure.ts';
import type { Rule, StationName } from './station.ts';

/** What an arm is called. */
export interface ArmLabel {
  /** For a narrow column: `dev`, `pic`, `raw`, or the cut's depth in per cent of the nodes. */
  readonly short: string;
  readonly name: string;
  /** Whether it is a cut inside the model. */
  readonly isCut: boolean;
}

/** Times in milliseconds, for a picture: detector and recogniser together. */
export interface Row {
  readonly bitsPerSecond: number;
  readonly chosen: Readonly<Record<StationName, ArmLabel>>;
  readonly sentBytes: number;
  readonly headMs: number;
  /** Encoding, and decoding the reply: what the codec takes of the device's time. */
  readonly encodeMs: number;
  readonly uplinkMs: number;
  readonly queueMs: number;
  readonly tailMs: number;
  readonly downlinkMs: number;
  readonly totalMs: number;
  readonly edgeOnlyMs: number;
  /** Where the rule allows them. */
  readonly cloudRawMs?: number;
  readonly cloudPictureMs?: number;
  /** The best that was measured and that the rule allows, arms of both models taken apart. */
  readonly bestMs: number;
  readonly text: readonly string[];
  readonly textEqualsUncut: boolean;
}

export interface RuleReport {
  readonly rule: Rule;
  readonly rows: readonly Row[];
}

const NAMES: readonly StationName[] = ['detector', 'recogniser'];

export function makeReports(steps: readonly Step[], uncutText: readonly string[]): readonly RuleReport[] {
  return RULES.map((rule) => ({ rule, rows: steps.map((step) => makeRow(step, rule, uncutText)) }));
}

function makeRow(step: Step, rule: Rule, uncutText: readonly string[]): Row {
  const choice = step.choices.find((candidate) => candidate.rule === rule) as Choice;
  const chosen = NAMES.map((name) => choice[name]);
  const sum = (pick: (trace: Trace) => number) => chosen.reduce((total, trace) => total + pick(trace), 0);
  const both = (suffix: string) =>
    sumOf(NAMES.map((name) => step.arms[name].find(({ arm }) => arm.endsWith(suffix))));
  const allowed = (trace: Trace) => rule === 'may-leave' || trace.cut !== 'input';
  const best = NAMES.map((name) =>
    Math.min(...step.arms[name].filter(allowed).map(({ totalMs }) => totalMs)),
  );
  return {
    bitsPerSecond: step.bitsPerSecond,
    chosen: { detector: label(choice.detector), recogniser: label(choice.recogniser) },
    sentBytes: sum(({ sentBytes }) => sentBytes),
    headMs: sum(({ headMs }) => headMs),
    encodeMs: sum(({ encodeMs, decodeMs }) => encodeMs + decodeMs),
    uplinkMs: sum(({ uplinkMs }) => uplinkMs),
    queueMs: sum(({ queueMs }) => queueMs),
    tailMs: sum(({ tailMs }) => tailMs),
    downlinkMs: sum(({ downlinkMs }) => downlinkMs),
    totalMs: sum(({ totalMs }) => totalMs),
    edgeOnlyMs: both('device'),
    ...(rule === 'may-leave' && { cloudRawMs: both('/float32+deflate'), cloudPictureMs: both('/image') }),
    bestMs: best.reduce((total, ms) => total + ms, 0),
    text: choice.text,
    textEqualsUncut:
      choice.text.length === uncutText.length &&
      choice.text.every((line, index) => line === uncutText[index]),
  };
}

function sumOf(traces: readonly (Trace | undefined)[]): number {
  return traces.reduce((total, trace) => total + (trace?.totalMs ?? Number.NaN), 0);
}

function label({ cut, depth, profile }: Trace): ArmLabel {
  if (cut === 'device') return { short: 'dev', name: cut, isCut: false };
  if (cut !== 'input') return { short: `${Number((depth * 100).toPrecision(2))}`, name: cut, isCut: true };
  return profile === 'image'
    ? { short: 'pic', name: 'picture', isCut: false }
    : { short: 'raw', name: 'raw input', isCut: false };
}
