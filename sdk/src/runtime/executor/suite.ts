/** What every Executor must do: the same as the whole model, in whichever parts it is run. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cut } from '../../cut/cut.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Tensor, Tensors } from '../../tensor.ts';
import { copyRow } from '../../tensor-rows.ts';
import type { GraphOptimization, Runtime } from '../runtime.ts';
import type { Executor, ExecutorRequest } from './executor.ts';
import { suiteNet, suiteRows } from './suite-net.ts';

export interface ExecutorSuite {
  /** Whether it must have runBatch. */
  readonly isBatching: boolean;
  createRuntime(): Promise<Runtime>;
  /** An executor of the model with every inner cut at which something crosses. */
  open(runtime: Runtime, model: Uint8Array, optimization: GraphOptimization): Promise<Executor>;
}

const OUTPUTS = ['y', 'early'];

export function executorSuite(name: string, { isBatching, createRuntime, open }: ExecutorSuite): void {
  describe(`executor suite: ${name}`, () => {
    let runtime: Runtime;
    beforeAll(async () => {
      runtime = await createRuntime();
    });
    afterAll(() => runtime.close());

    describe.each(['disabled', 'extended', 'all'] as const)('at level %s', (optimization) => {
      let executor: Executor;
      let x: Tensor;
      let whole: Tensors;
      beforeAll(async () => {
        executor = await open(runtime, suiteNet(), optimization);
        x = suiteRows(1, 1);
        whole = await runPlain(runtime, optimization, x);
      });
      afterAll(() => executor.close());
      const expectSame = (actual: Tensors, expected: Tensors) => {
        expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
        for (const [key, tensor] of Object.entries(actual)) expectClose(tensor, expected[key], optimization);
      };

      it('runs the whole model as one session would', async () => {
        const { values, segmentMs } = await executor.run({ feeds: { x }, fetches: OUTPUTS });
        expectSame(values, whole);
        expect(segmentMs).toHaveLength(executor.cuts.length + 1);
      });

      it('gives the same from a head and a tail at every cut', async () => {
        expect(executor.cuts.length).toBeGreaterThan(3);
        for (const cut of executor.cuts) {
          const head = await executor.run({
            to: cut,
            feeds: { x },
            fetches: [...crossing(cut), ...cut.headOutputs],
          });
          const rest = OUTPUTS.filter((output) => !cut.headOutputs.includes(output));
          const tail = await executor.run({ from: cut, feeds: head.values, fetches: rest });
          expectSame({ ...tail.values, ...pick(head.values, cut.headOutputs) }, whole);
          expect(head.segmentMs.length + tail.segmentMs.length).toBe(executor.cuts.length + 1);
        }
      });

      it('gives the same when every segment is run by itself', async () => {
        let values: Tensors = { x };
        for (const [index, from] of [undefined, ...executor.cuts].entries()) {
          const to = executor.cuts[index];
          const fetches = to ? [...new Set([...crossing(to), ...to.headOutputs])] : OUTPUTS;
          values = (await executor.run({ from, to, feeds: values, fetches })).values;
        }
        expectSame(values, whole);
      });

      it('gives each row of a batch what it gets alone', async () => {
        const rows = suiteRows(3, 2);
        const { values } = await executor.run({ feeds: { x: rows }, fetches: OUTPUTS });
        for (const row of [0, 1, 2]) {
          const alone = await runPlain(runtime, optimization, copyRow(rows, 0, row));
          for (const output of OUTPUTS) {
            const [own, expected] = [values[output], alone[output]];
            expectClose(own && copyRow(own, 0, row), expected, 'all');
          }
        }
      });

      it.runIf(isBatching)('runs requests at all cuts together, each with its own rows', async () => {
        const requests = await mixedRequests(executor);
        const together = await Promise.all(executor.runBatch?.(requests) ?? []);
        expect(together).toHaveLength(requests.length);
        for (const [index, request] of requests.entries()) {
          const alone = await executor.run(request);
          const values = together[index]?.values ?? {};
          expect(Object.keys(values)).toEqual(Object.keys(alone.values));
          for (const [key, tensor] of Object.entries(values)) expectClose(tensor, alone.values[key], 'all');
        }
      });
    });

    describe('in trouble', () => {
      let executor: Executor;
      beforeAll(async () => {
        executor = await open(runtime, suiteNet(), 'all');
      });
      afterAll(() => executor.close());
      const x = suiteRows(1, 3);

      it('returns values on the way, and feeds, and runs nothing from a cut to itself', async () => {
        const [from, , , to] = executor.cuts;
        const fetches = [...new Set([...crossing(from), ...crossing(to), 'x'])];
        const head = await executor.run({ to, feeds: { x }, fetches });
        expect(Object.keys(head.values).sort()).toEqual(fetches.sort());
        const nothing = await executor.run({ from, to: from, feeds: head.values, fetches: crossing(from) });
        expect(nothing).toEqual({ values: pick(head.values, crossing(from)), segmentMs: [] });
      });

      it('refuses a cut it does not have, and an end before the beginning', async () => {
        const [first, second] = executor.cuts;
        const unknown = { ...(first as Cut), id: 'elsewhere' };
        await expectCode(executor.run({ to: unknown, feeds: { x }, fetches: [] }), 'cut-invalid');
        await expectCode(executor.run({ from: second, to: first, feeds: { x }, fetches: [] }), 'cut-invalid');
      });

      it('names the feed that is missing and the fetch that nothing makes', async () => {
        await expectCode(executor.run({ feeds: {}, fetches: ['y'] }), 'runtime-failed', '"x"');
        await expectCode(executor.run({ feeds: { x }, fetches: ['z'] }), 'runtime-failed', '"z"');
      });

      it.runIf(isBatching)('lets a request that fails fail by itself', async () => {
        const good = { feeds: { x }, fetches: ['y'] };
        const misfit = { feeds: { x: { ...x, dims: [2, 3] } }, fetches: ['y'] };
        const results = await Promise.allSettled(
          executor.runBatch?.([good, { ...good, feeds: {} }, misfit, good]) ?? [],
        );
        expect(results.map(({ status }) => status)).toEqual([
          'fulfilled',
          'rejected',
          'rejected',
          'fulfilled',
        ]);
      });

      it('stops when the signal has fired', async () => {
        const run = executor.run({ feeds: { x }, fetches: ['y'], signal: AbortSignal.abort() });
        await expectCode(run, 'aborted');
      });

      it('refuses runs once closed, and closes twice', async () => {
        const closing = await open(runtime, suiteNet(), 'all');
        await Promise.all([closing.close(), closing.close()]);
        await expectCode(closing.run({ feeds: { x }, fetches: ['y'] }), 'closed');
      });
    });
  });
}

/** Two rows at the input, one or more at every cut, one that ends half way and one that is in the middle only. */
async function mixedRequests(executor: Executor): Promise<ExecutorRequest[]> {
  const requests: ExecutorRequest[] = [{ feeds: { x: suiteRows(2, 10) }, fetches: OUTPUTS }];
  const [early, , middle] = executor.cuts;
  requests.push({ to: middle, feeds: { x: suiteRows(1, 11) }, fetches: crossing(middle) });
  for (const [index, from] of executor.cuts.entries()) {
    const { values } = await executor.run({
      to: from,
      feeds: { x: suiteRows(1 + (index % 2), index) },
      fetches: crossing(from),
    });
    const fetches = OUTPUTS.filter((output) => !from.headOutputs.includes(output));
    requests.push({ from, feeds: values, fetches });
    if (from === early) requests.unshift({ from, to: middle, feeds: values, fetches: crossing(middle) });
  }
  return requests;
}

async function runPlain(runtime: Runtime, optimization: GraphOptimization, x: Tensor): Promise<Tensors> {
  const model = await runtime.load({ bytes: suiteNet(), optimization });
  const { values } = await runtime.run({ models: [model], feeds: { x }, fetches: OUTPUTS });
  await model.release();
  return values;
}

function expectClose(
  actual: Tensor | undefined,
  expected: Tensor | undefined,
  level: GraphOptimization,
): void {
  if (!actual || !expected || level !== 'all') {
    expect(actual).toEqual(expected);
    return;
  }
  expect(actual.dims).toEqual(expected.dims);
  const values = Array.from<number | bigint, number>(expected.data, Number);
  const differences = values.map((value, i) => Math.abs(value - Number(actual.data[i])));
  // Values lie near 1.
  expect(Math.max(...differences)).toBeLessThanOrEqual(1e-5);
}

function crossing(cut: Cut | undefined): string[] {
  return cut?.tensors.map(({ name }) => name) ?? [];
}

function pick(values: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(names.flatMap((name) => (values[name] ? [[name, values[name]]] : [])));
}

async function expectCode(promise: Promise<unknown>, code: ErrorCode, text = ''): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
}
