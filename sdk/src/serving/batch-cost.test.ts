import { expect, it } from 'vitest';
import { createBatchCost } from './batch-cost.ts';

it('lies between what was measured, and stays at the last beyond', () => {
  const cost = createBatchCost(
    [
      { size: 1, share: 1 },
      { size: 2, share: 0.6 },
      { size: 4, share: 0.4 },
      { size: 8, share: 0.39 },
    ],
    { maxSize: 64 },
  );
  expect([1, 2, 3, 4, 6, 100].map(cost.shareAt)).toEqual([1, 0.6, 0.5, 0.4, expect.closeTo(0.395), 0.39]);
  expect(cost.mostUseful).toBe(4);
  expect(cost.expectedMs([10, 20])).toBeCloseTo(18);
  for (let i = 0; i < 100; i++) cost.observe([10, 20], 36);
  expect(cost.expectedMs([10, 20])).toBeCloseTo(36, 1);
});

it('lets nobody wait for others where that saves next to nothing', () => {
  const shares = [1, 0.95, 0.92, 0.91];
  const cost = createBatchCost(
    shares.map((share, i) => ({ size: 2 ** i, share })),
    { maxSize: 64 },
  );
  expect(cost.mostUseful).toBe(1);
});

it('knows of no gain where nothing was measured', () => {
  const cost = createBatchCost([], { maxSize: 64 });
  expect([cost.mostUseful, cost.expectedMs([5, 5])]).toEqual([1, 10]);
});

it('is that of the longest request where every batch has one number of rows', () => {
  const cost = createBatchCost([{ size: 1, share: 1 }], { maxSize: 16, isFilled: true });
  expect([cost.expectedMs([4, 6, 5]), cost.expectedMs([6])]).toEqual([6, 6]);
});
