import { afterAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import type { Architecture } from '../../../test/support/models/architecture.ts';
import { architectureFeeds, architectureShapes } from '../../../test/support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../../../test/support/models/architectures.ts';
import { candidateCuts, offeredCuts } from '../cut/candidates.ts';
import type { GraphOptimization } from '../runtime/runtime.ts';
import { type ExecutorKind, openExecutor } from '../session/open-executor.ts';
import { openModel } from '../session/open-model.ts';
import { probeRows } from '../session/probe-rows.ts';
import { memorySource } from '../source/memory.ts';
import { compareOutputs } from './compare.ts';
import { verifyCuts } from './verify-cuts.ts';

const runtime = directRuntime();
afterAll(() => runtime.close());

async function open(architecture: Architecture) {
  const scale = architecture.smallScale;
  const source = memorySource(architecture.make({ scale }));
  const shapes = { inputShapes: architectureShapes(architecture, { scale }) };
  return { scale, source, model: await openModel(source, runtime, shapes) };
}

interface Choice {
  readonly kind: ExecutorKind;
  readonly optimization: GraphOptimization;
  /** Of the offered cuts, one of so many. The nightly run takes them all, at full size. */
  readonly oneOf: number;
}

async function verdictsOf(architecture: Architecture, { kind, optimization, oneOf }: Choice) {
  const { scale, source, model } = await open(architecture);
  const offered = offeredCuts(model.cuts, model.graph);
  return verifyCuts({
    source,
    runtime,
    optimization,
    outputs: model.outputs.map(({ name }) => name),
    feeds: [1, 3].map((batch) => architectureFeeds(architecture, { scale, batch })),
    cuts: offered.filter((_cut, i) => i % oneOf === 0),
    together: kind === 'separate' ? 1 : 8,
    openExecutor: (cuts) =>
      openExecutor(model, cuts, runtime, {
        kind,
        rowProbe: probeRows,
        optimization,
        feeds: architectureFeeds(architecture, { scale }),
      }),
  });
}

describe.each(
  ARCHITECTURES.map((architecture) => [architecture.name, architecture] as const),
)('%s', (_name, architecture) => {
  it.each([
    ['in a chain, at every second offered cut', 'chain', 2],
    ['through valves', 'valve', 5],
    ['in separate sessions', 'separate', 5],
  ] as const)('gives the same bits cut as whole %s, for one row and for three', async (_, kind, oneOf) => {
    const verdicts = await verdictsOf(architecture, { kind, optimization: 'extended', oneOf });
    expect(verdicts.length).toBeGreaterThan(1);
    const wrong = verdicts.filter(({ isExact }) => !isExact);
    expect(wrong.map(({ cut, relative, failure }) => [cut.position, relative, failure])).toEqual([]);
  });

  it('lies within 1e-5 of the whole with all optimisations', async () => {
    const verdicts = await verdictsOf(architecture, { kind: 'chain', optimization: 'all', oneOf: 5 });
    const wrong = verdicts.filter(({ relative }) => !(relative <= 1e-5));
    expect(wrong.map(({ cut, relative, failure }) => [cut.position, relative, failure])).toEqual([]);
  });

  it('runs rows that enter at different cuts together as it runs each alone', async () => {
    const { scale, model } = await open(architecture);
    const cuts = candidateCuts(model.cuts, model.graph, { limit: 3 });
    const fetches = model.outputs.map((output) => output.name);
    const valve = await openExecutor(model, cuts, runtime, {
      kind: 'valve',
      rowProbe: probeRows,
      feeds: architectureFeeds(architecture, { scale }),
    });
    const rows = [undefined, ...cuts].map((from, i) => ({
      from,
      feeds: architectureFeeds(architecture, { scale, seed: i + 1 }),
    }));
    const alone = await Promise.all(rows.map(({ feeds }) => valve.run({ feeds, fetches })));
    const requests = await Promise.all(
      rows.map(async ({ from, feeds }) => {
        if (!from) return { feeds, fetches };
        const left = fetches.filter((fetch) => !from.headOutputs.includes(fetch));
        const names = from.tensors.map((tensor) => tensor.name);
        return { from, feeds: (await valve.run({ to: from, feeds, fetches: names })).values, fetches: left };
      }),
    );
    const together = await Promise.all(valve.runBatch?.(requests) ?? []);
    expect(together).toHaveLength(requests.length);
    for (const [i, { values }] of together.entries()) {
      const { relative } = compareOutputs(values, alone[i]?.values ?? {}, requests[i]?.fetches ?? []);
      expect([i, relative <= 1e-5]).toEqual([i, true]);
    }
    await valve.close();
  });
});
