/** Both cuts of a U move by themselves: a session before an emulated link, a gateway process behind it, a trace of rates and load. */
import { compareOutputs } from '@cutpoint/sdk/gateway';
import type { SplitArm } from '@cutpoint/sdk/node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Tensors, tensorBytes } from '../../sdk/src/tensor.ts';
import { captureTraffic } from '../support/captured-traffic.ts';
import { hourglass, hourglassShape } from '../support/models/hourglass.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { mosquittoMissing } from '../support/mosquitto.ts';
import { isU, startUWorld } from '../support/u-world.ts';
import { runWholeModel } from '../support/whole-model.ts';

const [FAST, NARROW] = [{ bitsPerSecond: 200e6 }, { bitsPerSecond: 2e6 }];
const SHAPE = hourglassShape(64);
const feeds = { input: randomTensor(randomNumbers(7), SHAPE) };
/** Of one part of the trace. On a busy machine noise alone may make it look elsewhere first. */
const MOST_MS = 30_000;

interface Part {
  readonly what: string;
  readonly uplink: typeof FAST;
  readonly downlink: typeof FAST;
  /** Of its processor that the gateway gets. */
  readonly share: number;
  /** Ends the part. */
  isThere(arm: SplitArm | undefined): boolean;
}

describe.skipIf(mosquittoMissing())('a session that keeps both ends', () => {
  it('moves the first cut and the second as link and gateway change', async () => {
    const world = await startUWorld({
      ...{ model: hourglass(), inputs: { input: SHAPE }, maxCuts: 10 },
    });
    onTestFinished(() => world.close());
    const traffic = await captureTraffic(world.brokerUrl);
    onTestFinished(() => traffic.close());
    const session = await world.open({ profiles: ['float32'], emulatedSlowdown: 20 });
    const fetches = session.outputNames;
    const expected = await runWholeModel(world.model, { feeds, fetches });
    const us = session.arms.filter(isU);
    const least = Math.min(...us.map(({ cut }) => cut.bytes ?? 0));
    const timesLeast = (arm: SplitArm | undefined, end: 'cut' | 'to') => (arm?.[end]?.bytes ?? 0) / least;
    const isWide = (arm: SplitArm | undefined, end: 'cut' | 'to') => timesLeast(arm, end) >= 16;
    const isNarrow = (arm: SplitArm | undefined, end: 'cut' | 'to') =>
      arm !== undefined && timesLeast(arm, end) < 8;
    const isOuter = (arm: SplitArm | undefined) => isWide(arm, 'cut') && isWide(arm, 'to');
    const trace: readonly Part[] = [
      { what: 'fast', uplink: FAST, downlink: FAST, share: 1, isThere: isOuter },
      {
        ...{ what: 'a narrow uplink', uplink: NARROW, downlink: FAST, share: 1 },
        isThere: (arm) => isNarrow(arm, 'cut'),
      },
      {
        ...{ what: 'a narrow downlink and a busy gateway', uplink: FAST, downlink: NARROW, share: 0.4 },
        isThere: (arm) => isNarrow(arm, 'to'),
      },
      { what: 'fast again', uplink: FAST, downlink: FAST, share: 1, isThere: isOuter },
    ];
    for (const { what, uplink, downlink, share, isThere } of trace) {
      world.link.set({ uplink, downlink });
      world.gateway.set(share);
      const startMs = performance.now();
      for (let used: SplitArm | undefined | null = null; used === null || !isThere(used); ) {
        expect(performance.now() - startMs, what).toBeLessThan(MOST_MS);
        const outputs = (await session.run(feeds)) as unknown as Tensors;
        expect(compareOutputs(outputs, expected, fetches).relative, what).toBeLessThan(1e-5);
        const { arm, fallback } = session.lastTrace ?? {};
        used = fallback ? null : us.find(({ id }) => id === arm);
      }
    }
    for (const [end, tensor] of Object.entries({ ...feeds, ...expected })) {
      expect(traffic.names).not.toContain(end);
      const bytes = tensorBytes(tensor);
      expect(traffic.holds(bytes.subarray(bytes.length >> 1, (bytes.length >> 1) + 256)), end).toBe(false);
    }
    expect(traffic.results).toBeGreaterThan(2);
  }, 150_000);
});
