import { describe, expect, it } from 'vitest';
import { SplitError } from '../errors.ts';
import { DEVICE_ARM, type SplitArm } from '../planner/arm.ts';
import { type CutChange, createJournal } from './journal.ts';
import { makeTrace, NO_STAGES } from './trace.ts';

const cut = { id: 'c'.repeat(16), name: 'mid', depth: 0.5, position: 3, tensors: [], headOutputs: [] };
const arm = { kind: 'split', id: `${cut.id}/uint8`, cut, profile: 'uint8' } as unknown as SplitArm;
const there = { isGatewayThere: true };
const conditions = (uplinkBitsPerSecond: number) => ({
  ...{ uplinkBitsPerSecond, downlinkBitsPerSecond: 1e7, roundTripMs: 10, queueMs: 0 },
  ...{ deviceSlowdown: 1, cloudSlowdown: 1 },
});
const predictions = () => [
  { arm, totalMs: 10 },
  { arm: DEVICE_ARM, totalMs: 30 },
];

describe('a journal', () => {
  it('tells of each change of the arm, with its cause and what was predicted', () => {
    const journal = createJournal('device');
    const seen: CutChange[] = [];
    const remove = journal.on('cut-change', (event) => seen.push(event));
    journal.chosen(arm, there, predictions);
    journal.chosen(arm, there, predictions);
    journal.chosen(DEVICE_ARM, { isGatewayThere: false }, predictions);
    journal.chosen(arm, there, predictions);
    remove();
    journal.chosen(DEVICE_ARM, there, predictions);
    expect(seen).toMatchObject([
      { from: 'device', to: arm.id, cause: 'faster', fromMs: 30, toMs: 10 },
      { from: arm.id, to: 'device', cause: 'gateway-lost', fromMs: 10, toMs: 30 },
      { from: 'device', to: arm.id, cause: 'gateway-found', fromMs: 30, toMs: 10 },
    ]);
    expect(seen[1]?.reason).toBe(`${arm.id} -> device: gateway-lost; 30 ms instead of 10 ms`);
    expect(journal.stats().switches).toBe(4);
  });

  it("gives the controller's own cause and numbers where it moved", () => {
    const journal = createJournal(arm.id);
    const seen: CutChange[] = [];
    journal.on('cut-change', (event) => seen.push(event));
    const [before, now] = [conditions(8e6), conditions(1e6)];
    const change = { from: arm, to: DEVICE_ARM, cause: 'link', fromMs: 90, toMs: 30, now, before } as const;
    journal.chosen(DEVICE_ARM, { isGatewayThere: true, change }, predictions);
    expect(seen).toMatchObject([{ cause: 'link' }]);
    expect(seen[0]?.reason).toContain('uplink 1.00 Mbit/s, was 8.00; 30 ms instead of 90 ms');
  });

  it('counts every run once', () => {
    const journal = createJournal('device');
    const sent = { totalMs: 1, sentBytes: 100, receivedBytes: 10, attempts: 3 };
    journal.answered(makeTrace(arm, NO_STAGES, sent));
    journal.answered(makeTrace(DEVICE_ARM, NO_STAGES, { totalMs: 1 }));
    journal.answered(makeTrace(arm, NO_STAGES, { totalMs: 1, reason: 'deadline-exceeded' }));
    journal.failed(new SplitError('overloaded', 'full'));
    expect(journal.stats()).toMatchObject({
      runs: 4,
      splitAnswers: 1,
      localAnswers: 1,
      fallbacks: 1,
      failures: 1,
      refusals: 1,
      retries: 2,
      sentBytes: 100,
      receivedBytes: 10,
    });
  });
});
