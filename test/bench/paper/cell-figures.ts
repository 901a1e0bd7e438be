/** The paper suite's figures, from its cells. A cell is one model on one device's speed over one bandwidth. */
import type { StageTimes } from '../../../sdk/src/planner/cost-model.ts';
import { median } from '../statistics.ts';

export interface MeasuredArm {
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly predictedMs: number;
  /** Median of the runs beside which the prediction was made. */
  readonly measuredMs: number;
  /** Of an arm that is about as good as the best: median of the runs in which all such arms took turns. */
  readonly contestMs?: number;
  /** The same stage by stage, where they were kept. */
  readonly predicted?: StageTimes;
  readonly measured?: StageTimes;
}

export interface Cell {
  readonly model: string;
  readonly edgeSlowdown: number;
  readonly uplinkBitsPerSecond: number;
  readonly arms: readonly MeasuredArm[];
  /** The arm that the plan picks, and each baseline's; all are among `arms`. */
  readonly pickId: string;
  readonly baselineIds: Readonly<Record<string, string>>;
}

export interface PaperFigures {
  readonly cells: number;
  readonly predictedWithin10PercentShare: number;
  readonly medianPredictionError: number;
  /** The pick's time to that of the best measured arm, in the worst cell: 1 is perfect. */
  readonly worstPickRatio: number;
  /** Share of the plan's time that the best baseline saves, in the worst cell; below 0 where none saves any. */
  readonly worstBaselineGain: number;
}

/** How many times as long as the plan's pick a baseline takes. */
export interface SpeedUp {
  readonly mean: number;
  readonly most: number;
}

/** Over the cells that have the baseline. */
export function speedUp(cells: readonly Cell[], baseline: string): SpeedUp {
  const ratios = cells.flatMap((cell) => {
    const id = cell.baselineIds[baseline];
    return id === undefined ? [] : [armMs(cell, id) / armMs(cell, cell.pickId)];
  });
  return { mean: ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length, most: Math.max(...ratios) };
}

/** All are NaN or infinite without cells. */
export function cellFigures(cells: readonly Cell[]): PaperFigures {
  const errors = cells.flatMap(({ arms }) => arms.map(predictionError));
  return {
    cells: cells.length,
    predictedWithin10PercentShare: errors.filter((error) => error <= 0.1).length / errors.length,
    medianPredictionError: median(errors),
    worstPickRatio: Math.max(...cells.map(pickRatio)),
    worstBaselineGain: Math.max(...cells.map(baselineGain)),
  };
}

/** Share of the measured time by which the prediction is off, either way. */
export function predictionError({ predictedMs, measuredMs }: MeasuredArm): number {
  return Math.abs(predictedMs - measuredMs) / measuredMs;
}

export function pickRatio(cell: Cell): number {
  return armMs(cell, cell.pickId) / Math.min(...cell.arms.map(settledMs));
}

/** @returns the largest gain of any baseline over the pick */
export function baselineGain(cell: Cell): number {
  const pickMs = armMs(cell, cell.pickId);
  return Math.max(...Object.values(cell.baselineIds).map((id) => 1 - armMs(cell, id) / pickMs));
}

function armMs({ arms, model }: Cell, id: string): number {
  const arm = arms.find((candidate) => candidate.id === id);
  if (!arm) throw new Error(`${model}: arm ${id} was picked but not measured`);
  return settledMs(arm);
}

/** What an arm is compared with others by. */
export const settledMs = ({ contestMs, measuredMs }: MeasuredArm) => contestMs ?? measuredMs;
