import { expect, it } from 'vitest';
import { twoMachinePlan } from '../../../test/support/two-machine-plan.ts';
import { type Plan, readPlan } from '../planner/plan-file.ts';
import { readFleet } from './fleet-file.ts';
import { classPlans } from './fleet-plans.ts';
import { memoryOf } from './gateway-memory.ts';

const MEBIBYTE = 2 ** 20;
const plan = readPlan(JSON.parse(twoMachinePlan()));

/** The same plan for a model of that name and size. */
function planOf(
  model: string,
  memory?: { readonly weightsMb: number; readonly activationsMb: number | null },
): Plan {
  if (!memory) return { ...plan, modelDigest: model };
  const { weightsMb, activationsMb } = memory;
  const activationBytes = activationsMb === null ? null : activationsMb * MEBIBYTE;
  return { ...plan, modelDigest: model, memory: { weightBytes: weightsMb * MEBIBYTE, activationBytes } };
}

function memoryIn(
  region: string,
  plans: Readonly<Record<string, Plan>>,
  more: object = {},
  about: object = {},
) {
  const link = { uplinkMbps: 8, roundTripMs: 20 };
  const fleet = readFleet({
    ...{ name: 'a street', slo: { p95Ms: 400 }, ...more },
    regions: [{ name: 'eu' }, { name: 'us', mayUse: ['eu'] }],
    // The first letters of its name are a class's region.
    classes: Object.keys(plans).map((name) => ({
      ...{
        name,
        region: name.slice(0, 2),
        plan: `${name}.json`,
        devices: 1,
        everySeconds: 1,
        link,
        ...about,
      },
    })),
  });
  const read = Object.values(plans).map((one) => ({ plan: one }));
  return memoryOf(fleet, classPlans(fleet, read), region);
}

const small = planOf('small', { weightsMb: 100, activationsMb: 1 });
const large = planOf('large', { weightsMb: 300, activationsMb: null });

it('counts each model once, of all who may come: also those of other regions that may use this one', () => {
  const gateway = { executorMemoryMb: 1000, maxBatch: 8 };
  const fleet = { eu1: small, eu2: small, us1: large };
  expect(memoryIn('us', fleet, { gateway })).toMatchObject({ weightsMb: 300, activationsMb: 0, share: 0.3 });
  expect(memoryIn('eu', fleet, { gateway })).toEqual({
    models: [
      { modelDigest: 'large', classes: ['us1'], weightsMb: 300, activationsMb: null },
      { modelDigest: 'small', classes: ['eu1', 'eu2'], weightsMb: 100, activationsMb: 8 },
    ],
    ...{ weightsMb: 400, activationsMb: 8, updateMb: 2 * 408 + 300, share: 0.408, updateShare: 1.116 },
  });
});

it('takes the activations of a batch, of one request where nothing is batched', () => {
  const activations = (batching: string) =>
    memoryIn('eu', { eu1: small }, { gateway: { batching, maxBatch: 4 } })?.activationsMb;
  expect([activations('mixed'), activations('per-cut'), activations('none')]).toEqual([4, 4, 1]);
});

it('goes by what the fleet\u2019s file says, before what the plan does', () => {
  const about = { weightsMb: 50, activationsMb: 2 };
  const gateway = { batching: 'none' };
  expect(memoryIn('eu', { eu1: large }, { gateway }, about)).toMatchObject({ ...about, share: null });
});

it('is not known where nobody says how large a model is, which is an error where memory is to be looked at', () => {
  const fleet = { eu1: small, eu2: planOf('unknown') };
  expect(memoryIn('eu', fleet)).toBeUndefined();
  expect(() => memoryIn('eu', fleet, { gateway: { executorMemoryMb: 1000 } })).toThrow(
    expect.objectContaining({
      code: 'options-invalid',
      message: expect.stringMatching(/class 'eu2' .*eu2\.json/),
    }),
  );
});
