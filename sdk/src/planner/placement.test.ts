import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cut } from '../cut/cut.ts';
import { breachesOfCut, breachesOfEnd, breachesOfPlace, type Place } from './placement.ts';
import { type PlacementLimits, type PlacementPolicy, rulesOfClass } from './placement-policy.ts';
import { placementRules, resolvePolicy } from './policy.ts';

const REGIONS = ['eu-1', 'eu-2', 'us-1'];
const names = fc.option(fc.uniqueArray(fc.constantFrom(...REGIONS), { minLength: 1 }), { nil: undefined });
const limits: fc.Arbitrary<PlacementLimits> = fc.record({
  activations: names,
  parameters: names,
  providers: names,
  minDepth: fc.option(fc.constantFrom(0, 0.25, 0.5, 1), { nil: undefined }),
  inputs: fc.constantFrom('stay' as const, 'may-leave' as const, undefined),
  outputs: fc.constantFrom('stay' as const, 'may-leave' as const, undefined),
  encryption: fc.constantFrom('required' as const, 'optional' as const, undefined),
  retentionMs: fc.option(fc.nat(3), { nil: undefined }),
  keep: fc.option(fc.uniqueArray(fc.constantFrom('x', 'a', 'b', 'c'), { minLength: 1 }), { nil: undefined }),
});
const place: fc.Arbitrary<Place> = fc.record({
  region: fc.option(fc.constantFrom(...REGIONS), { nil: undefined }),
  provider: fc.option(fc.constantFrom(...REGIONS), { nil: undefined }),
  retentionMs: fc.option(fc.nat(4), { nil: undefined }),
  takesSeals: fc.boolean(),
});

/** x → a → b → c, with x read again by the last node. */
const values = {
  inputs: [{ name: 'x' }],
  producers: new Map([
    ['a', 0],
    ['b', 1],
    ['c', 2],
  ]),
};
const cutAt = (position: number, ...tensors: string[]): Cut => ({
  ...{
    id: `cut-${position}`,
    position,
    depth: position / 3,
    name: tensors[0] ?? '',
    bytes: 1,
    headOutputs: [],
  },
  tensors: tensors.map((name) => ({ name, type: 'float32', shape: [1] })),
});
const CUTS = [cutAt(0, 'x'), cutAt(1, 'a', 'x'), cutAt(2, 'b', 'x')];
const keepsAll = (rules: ReturnType<typeof rulesOfClass>, where: Place, cut: Cut) =>
  breachesOfPlace(rules, where).length === 0 &&
  breachesOfCut(rules, cut, values).length === 0 &&
  breachesOfEnd(rules, cut).length === 0;

describe('the limits of a class of data', () => {
  it('narrow those for all and never widen them: what both allow apart is what both allow together', () => {
    fc.assert(
      fc.property(limits, limits, place, fc.constantFrom(...CUTS), (forAll, own, where, cut) => {
        const together = rulesOfClass({ ...forAll, classes: { own } }, 'own');
        const apart = keepsAll(rulesOfClass(forAll), where, cut) && keepsAll(rulesOfClass(own), where, cut);
        expect(keepsAll(together, where, cut)).toBe(apart);
      }),
    );
  });

  it('all bind where nobody says which class it is', () => {
    fc.assert(
      fc.property(limits, limits, place, fc.constantFrom(...CUTS), (one, other, where, cut) => {
        const policy: PlacementPolicy = { classes: { one, other } };
        const each = ['one', 'other'].every((name) => keepsAll(rulesOfClass(policy, name), where, cut));
        expect(keepsAll(rulesOfClass(policy), where, cut)).toBe(each);
        expect(rulesOfClass({ ...policy, dataClass: 'one' })).toEqual(rulesOfClass(policy, 'one'));
      }),
    );
  });

  it('are those of a class that the policy knows', () => {
    expect(() => rulesOfClass({ classes: { personal: {} } }, 'public')).toThrow(/class 'public'.*personal/);
  });
});

describe('a value that is kept', () => {
  const reasons = (keep: string, cut: Cut) =>
    breachesOfCut(rulesOfClass({ keep: [keep] }), cut, values).map(({ reason }) => reason);

  it.each([
    ['x', 0, true],
    ['x', 1, true],
    ['a', 0, true],
    ['a', 1, true],
    ['a', 2, false],
    ['b', 1, true],
    ['b', 2, true],
    ['c', 2, true],
  ])('%s at cut %i: leaves is %s', (name, position, isLeaving) => {
    expect(reasons(name, CUTS[position] as Cut)).toEqual(isLeaving ? ['keep'] : []);
  });

  it('may be made on the device again, behind where the gateway stops', () => {
    const leaving = (keep: string, from: number, to: number) =>
      breachesOfCut(rulesOfClass({ keep: [keep] }), CUTS[from] as Cut, values, CUTS[to] as Cut).length > 0;
    expect([leaving('c', 1, 2), leaving('b', 1, 2), leaving('a', 0, 1), leaving('b', 0, 1)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('is looked for among the nodes of heads that are not the first ones', () => {
    const cut: Cut = { ...cutAt(1, 'b'), headNodes: [1] };
    expect(reasons('a', cut)).toEqual(['keep']);
  });
});

describe('outputs that stay', () => {
  const [first, second] = CUTS.slice(1) as [Cut, Cut];
  const reasons = (to?: Cut) =>
    breachesOfEnd(rulesOfClass({ outputs: 'stay' }), first, to).map(({ reason }) => reason);

  it('are made on the device: not behind the last cut, and not between two', () => {
    const made = { ...second, headOutputs: ['y'] };
    expect([reasons(), reasons(made), reasons(second)]).toEqual([['outputs'], ['outputs'], []]);
    expect(placementRules({ outputs: 'stay' }).outputs).toBe('stay');
    expect(resolvePolicy({ placement: { outputs: 'stay' } }).constraints.outputs).toBe('stay');
  });
});

describe('policy.yaml', () => {
  const content = {
    regions: ['eu-1', 'us-1'],
    minDepth: 0.2,
    placement: {
      parameters: ['eu-1', 'eu-2'],
      classes: { personal: { activations: ['eu-1'], minDepth: 0.5, encryption: 'required' }, public: {} },
    },
  };

  it('makes constraints of the placement of a class', () => {
    expect(resolvePolicy(content, undefined, 'personal').constraints).toMatchObject({
      regions: ['eu-1'],
      minDepth: 0.5,
    });
    expect(resolvePolicy(content, undefined, 'public').constraints).toMatchObject({
      regions: ['eu-1'],
      minDepth: 0.2,
    });
  });

  it('binds by its own regions and depth too', () => {
    expect(placementRules(content, 'public')).toMatchObject({
      activations: ['eu-1', 'us-1'],
      minDepth: 0.2,
      clockSkewMs: 60_000,
    });
    expect(placementRules(content, 'personal')).toMatchObject({
      activations: ['eu-1'],
      minDepth: 0.5,
      encryption: 'required',
    });
  });

  it.each([
    [{ placement: { region: ['eu'] } }, 'region'],
    [{ placement: { activations: [] } }, 'policy.placement.activations'],
    [{ placement: { classes: { 'a b': {} } } }, 'policy.placement.classes'],
    [{ placement: { retentionMs: -1 } }, 'policy.placement.retentionMs'],
  ])('refuses %j and names the field', (wrong, message) => {
    expect(() => placementRules(wrong)).toThrow(message);
    expect(() => placementRules(wrong)).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });
});
