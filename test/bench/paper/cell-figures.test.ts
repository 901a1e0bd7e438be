import { describe, expect, it } from 'vitest';
import { baselineGain, type Cell, cellFigures, pickRatio, speedUp } from './cell-figures.ts';
import { fitLayers } from './layer-regression.ts';

const CELL: Cell = {
  model: 'net',
  edgeSlowdown: 4,
  uplinkBitsPerSecond: 5.85e6,
  arms: [
    { id: 'device', name: 'the device alone', predictedMs: 190, measuredMs: 200 },
    { id: 'a/uint8', name: 'a as uint8', predictedMs: 100, measuredMs: 100 },
    { id: 'b/uint8', name: 'b as uint8', predictedMs: 120, measuredMs: 80 },
  ],
  pickId: 'a/uint8',
  baselineIds: { 'edge only': 'device', DADS: 'b/uint8' },
};

describe('figures of the paper suite', () => {
  it('say how far predictions are off, and what the pick loses to the best arm and to a baseline', () => {
    const figures = cellFigures([CELL, { ...CELL, pickId: 'b/uint8' }]);
    expect(figures.cells).toBe(2);
    expect(figures.predictedWithin10PercentShare).toBeCloseTo(2 / 3);
    expect(figures.medianPredictionError).toBeCloseTo(0.05);
    expect(figures.worstPickRatio).toBeCloseTo(1.25);
    expect(figures.worstBaselineGain).toBeCloseTo(0.2);
  });

  it('say how many times as long as the pick a baseline takes', () => {
    const cells = [CELL, { ...CELL, pickId: 'b/uint8' }];
    expect(speedUp(cells, 'edge only').mean).toBeCloseTo(2.25);
    expect(speedUp(cells, 'edge only').most).toBeCloseTo(2.5);
  });

  it('gain nothing from a baseline that is slower than the pick', () => {
    expect(baselineGain({ ...CELL, baselineIds: { 'edge only': 'device' } })).toBeCloseTo(-1);
  });

  it('compare arms that are about as good by the runs in which they took turns', () => {
    const arms = CELL.arms.map((arm) => (arm.id === 'device' ? arm : { ...arm, contestMs: 90 }));
    expect(pickRatio({ ...CELL, arms })).toBe(1);
    expect(baselineGain({ ...CELL, arms })).toBe(0);
    expect(cellFigures([{ ...CELL, arms }]).medianPredictionError).toBeCloseTo(0.05);
  });

  it('refuse a pick that was not measured', () => {
    expect(() => pickRatio({ ...CELL, pickId: 'c/uint8' })).toThrow(
      'arm c/uint8 was picked but not measured',
    );
  });
});

describe('layer regression', () => {
  it('finds the line of each type, never below zero', () => {
    const guess = fitLayers([
      { kind: 'Conv', work: 10, ms: 0 },
      { kind: 'Conv', work: 20, ms: 10 },
      { kind: 'Relu', work: 5, ms: 3 },
      { kind: 'Relu', work: 5, ms: 5 },
    ]);
    expect(guess('Conv', 30)).toBeCloseTo(20);
    expect(guess('Conv', 1)).toBe(0);
    expect(guess('Relu', 900)).toBeCloseTo(4);
    expect(guess('Gemm', 1)).toBeUndefined();
  });
});
