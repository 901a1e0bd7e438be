import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCalibration } from './calibration.ts';
import { type ConstraintName, type Constraints, chooseArm } from './constraints.ts';
import { lineAt, msPerByte } from './envelope.ts';
import { scoreArm } from './objective.ts';
import { fastestLink, makePlan, type PlanRequest, planText } from './plan.ts';
import { planAnswer } from './plan-answer.ts';
import { readPlan } from './plan-file.ts';
import { type Profile, type ProfiledTransfer, profileText, readProfile } from './profile.ts';
import { armsFromProfiles } from './profile-arms.ts';
import { transfersOf } from './profile-transfers.ts';
import { armsOfWays, type GatewayLink } from './way-arms.ts';

const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(16));
const time = fc.integer({ min: 1, max: 2000 });

/** A device, a server some times faster, cuts that send anything, and the input in two ways. */
const profiles = fc
  .record({
    nodes: fc.array(time, { minLength: 4, maxLength: 4 }),
    speed: fc.integer({ min: 1, max: 50 }),
    sizes: fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 5, maxLength: 5 }),
  })
  .map(
    ({ nodes, speed, sizes }) =>
      [
        profileOf(nodes, sizes),
        profileOf(
          nodes.map((ms) => ms / speed),
          sizes,
        ),
      ] as const,
  );

function profileOf(nodeMs: readonly number[], sizes: readonly number[]): Profile {
  const timing = (medianMs: number) => ({ medianMs, spreadMs: 0, runs: 3, isGuess: false });
  const sum = (list: readonly number[]) => list.reduce((total, ms) => total + ms, 0);
  const transfer = (cutId: string | null, profile: string, sentBytes: number): ProfiledTransfer => ({
    ...{ cutId, profile, sentBytes, spreadBytes: 0, encodeMs: 1, decodeMs: 1, isGuess: false },
  });
  return readProfile({
    ...{
      format: 'cutpoint-profile',
      version: 1,
      modelDigest: 'd'.repeat(64),
      device: 'any',
      provider: 'cpu',
    },
    ...{
      runtime: 'ort',
      threads: 1,
      executor: 'valve',
      measuredAt: '2026-11-24',
      pauseMs: 0,
      slowdown: 1,
      inputShapes: {},
    },
    ...{ inputs: 1, inputSource: 'files', peakMemoryBytes: 5e8 },
    whole: timing(sum(nodeMs)),
    cuts: ids.map((id, index) => ({
      ...{ id, name: `cut ${index}`, depth: (index + 1) / 4 },
      head: timing(sum(nodeMs.slice(0, index + 1))),
      tail: timing(sum(nodeMs.slice(index + 1))),
    })),
    transfers: [
      transfer(null, 'image', sizes[3] ?? 1),
      transfer(null, 'float32+deflate', sizes[4] ?? 1),
      ...ids.map((id, index) => transfer(id, 'uint8', sizes[index] ?? 1)),
    ],
    reply: { profile: 'float32+deflate', bytes: 4000, encodeMs: 1, decodeMs: 1 },
  });
}

function requestOf([edge, cloud]: readonly [Profile, Profile], constraints: Constraints = {}): PlanRequest {
  const arms = armsFromProfiles({ edge, cloud, transfers: transfersOf({ edge, cloud }) });
  const link = { roundTripMs: 20, downlinkBitsPerSecond: 2e7, queueMs: 0 };
  return { edge, cloud, arms, link, wish: { objective: 'latency', constraints } };
}

describe('a plan', () => {
  it('count as coming back what the head of a cut has not made itself', () => {
    const [edge, cloud] = [
      profileOf([80, 90, 70, 60], [900, 800, 700, 3000, 2000]),
      profileOf([8, 9, 7, 6], [900, 800, 700, 3000, 2000]),
    ];
    const [first] = cloud.cuts;
    const shorter = { ...edge.reply, bytes: 12, encodeMs: 0.25, decodeMs: 0.5 };
    const withShorter = (of: Profile): Profile => ({
      ...of,
      cuts: of.cuts.map((cut) => (cut.id === first?.id ? { ...cut, reply: shorter } : cut)),
    });
    const costs = (of: readonly [Profile, Profile]) =>
      new Map(requestOf(of).arms.map(({ id, cost }) => [id, cost]));
    const [plain, short] = [costs([edge, cloud]), costs([withShorter(edge), withShorter(cloud)])];
    for (const [id, cost] of plain) {
      const isOwn = id.startsWith(`${first?.id}/`);
      const saved = { receivedBytes: 12, decodeMs: 0.5, tailMs: cost.tailMs - cloud.reply.encodeMs + 0.25 };
      expect(short.get(id), id).toEqual(isOwn ? { ...cost, ...saved } : cost);
    }
  });

  it('never loses to the device alone nor to any way of sending the input', () => {
    fc.assert(
      fc.property(profiles, fc.double({ min: 4, max: 10, noNaN: true }), (pair, exponent) => {
        const plan = makePlan(requestOf(pair));
        const rate = 10 ** exponent;
        const window = plan.windows.find(
          ({ fromBitsPerSecond, toBitsPerSecond }) =>
            (fromBitsPerSecond ?? 0) <= rate && rate <= (toBitsPerSecond ?? Number.POSITIVE_INFINITY),
        );
        const msOf = (id: string | undefined) => {
          const arm = plan.arms.find((entry) => entry.id === id);
          return arm ? lineAt(arm.line, msPerByte(rate)) : Number.NaN;
        };
        for (const rival of plan.arms)
          expect(msOf(window?.armId)).toBeLessThanOrEqual(msOf(rival.id) * (1 + 1e-9));
      }),
    );
  });

  it('says so where no cut is best', () => {
    fc.assert(
      fc.property(profiles, (pair) => {
        const plan = makePlan(requestOf(pair));
        const cuts = new Set(plan.arms.flatMap(({ id, kind }) => (kind === 'split' ? [id] : [])));
        const isSplit = plan.windows.some(({ armId }) => cuts.has(armId));
        expect(planAnswer(plan).includes('does not pay')).toBe(!isSplit);
      }),
    );
  });

  it('is read back as the same bytes, and is refused after any edit of a number', () => {
    fc.assert(
      fc.property(profiles, fc.nat(), (pair, pick) => {
        const text = planText(makePlan(requestOf(pair)));
        expect(planText(readPlan(JSON.parse(text)))).toBe(text);
        const numbers = [...text.matchAll(/: (\d+)/g)];
        const chosen = numbers[pick % numbers.length];
        if (!chosen) return;
        const place = chosen.index + 2;
        const changed = `${text.slice(0, place)}${Number(chosen[1]) + 1}${text.slice(place + (chosen[1] ?? '').length)}`;
        expect(() => readPlan(JSON.parse(changed))).toThrow('plan');
      }),
      { numRuns: 50 },
    );
  });

  it('that no arm can keep names the constraint, and dropping a named one lets an arm through', () => {
    const limits = fc.record(
      {
        deadlineMs: fc.integer({ min: 1, max: 3000 }),
        deviceMemoryBytes: fc.integer({ min: 1, max: 1_000_000_000 }),
        maxAccuracyLoss: fc.constant(0),
        maxPayloadBytes: fc.integer({ min: 1, max: 100_000 }),
        regions: fc.constant(['eu']),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(profiles, limits, (pair, constraints) => {
        const { arms, link, wish } = requestOf(pair, constraints);
        const choice = chooseArm(arms, fastestLink(link), wish);
        if (choice.kind === 'arm') return;
        const names = Object.keys(choice.ruledOut) as ConstraintName[];
        for (const name of names) expect(choice.reason).toContain(name);
        const without = {
          ...wish,
          constraints: Object.fromEntries(
            Object.entries(constraints).filter(([name]) => !names.includes(name as never)),
          ),
        };
        expect(chooseArm(arms, fastestLink(link), without).kind).toBe('arm');
        for (const name of choice.dropAny)
          expect(
            chooseArm(arms, fastestLink(link), {
              ...wish,
              constraints: { ...constraints, [name]: undefined },
            }).kind,
          ).toBe('arm');
      }),
    );
  });
});

describe('a profile', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(profiles, ([edge]) => {
        expect(profileText(readProfile(JSON.parse(profileText(edge))))).toBe(profileText(edge));
      }),
      { numRuns: 20 },
    );
  });
});

describe('transfersOf', () => {
  it('leaves out what only one machine timed, and takes bytes, losses and tables from the calibration', () => {
    const [edge, cloud] = fc.sample(profiles, { numRuns: 1, seed: 1 })[0] as readonly [Profile, Profile];
    const [first = '', second = ''] = ids;
    const arm = {
      cutId: second,
      profile: 'uint8' as const,
      sentBytes: 77,
      ratio: 4,
      error: 0.01,
      agreement: 1,
      accuracyLoss: 0.02,
      tables: { x: '7' },
      refused: true,
    };
    const calibration = readCalibration({
      format: 'cutpoint-calibration',
      version: 1,
      modelDigest: edge.modelDigest,
      inputs: 2,
      metric: 'rel-l2',
      budget: 0.01,
      arms: [arm],
      tables: { 7: 'AAAA' },
    });
    const transfers = transfersOf({
      edge,
      cloud: { ...cloud, cuts: cloud.cuts.filter(({ id }) => id !== first) },
      calibration,
    });
    expect(transfers.map(({ cutId, profile }) => `${cutId?.[0] ?? 'input'} ${profile}`)).toEqual([
      'input image',
      'input float32+deflate',
      'b uint8',
      'c uint8',
    ]);
    const plan = makePlan({
      ...requestOf([edge, cloud]),
      arms: armsFromProfiles({ edge, cloud, transfers }),
      calibration,
    });
    expect(plan.arms[3]).toMatchObject({
      cost: { sentBytes: 77 },
      accuracyLoss: 0.02,
      error: 0.01,
      tables: { x: '7' },
      excludedBy: ['calibration'],
    });
    expect([plan.tables, plan.calibration]).toEqual([
      { 7: 'AAAA' },
      { inputs: 2, metric: 'rel-l2', budget: 0.01 },
    ]);
    expect(() =>
      transfersOf({ edge, cloud, calibration: { ...calibration, modelDigest: 'e'.repeat(64) } }),
    ).toThrow('the calibration is of model eeeeeeeeeeee');
  });
});

describe('armsOfWays', () => {
  const reply = { receivedBytes: 4000, decodeMs: 1 };
  const [a = '', b = '', c = ''] = ids;
  const link = fc.record({
    uplinkBitsPerSecond: fc.integer({ min: 1e6, max: 1e9 }),
    downlinkBitsPerSecond: fc.integer({ min: 1e6, max: 1e9 }),
    roundTripMs: fc.integer({ min: 0, max: 50 }),
  });
  const sum = (list: readonly number[]) => list.reduce((total, ms) => total + ms, 0);
  /** Packing, unpacking and each crossing take a millisecond on every machine. */
  const packed = (edge: Profile, id: string) =>
    edge.transfers.find(({ cutId }) => cutId === id)?.sentBytes ?? Number.NaN;

  it('gives the middle of a U what head and last layers leave, and counts what comes back', () => {
    fc.assert(
      fc.property(profiles, fc.double({ min: 0, max: 1, noNaN: true }), ([edge, cloud], shareBack) => {
        const ways = [{ from: a, via: [], to: c, shareBack }];
        const request = {
          edge,
          gateways: [cloud],
          links: [],
          ways,
          transfers: transfersOf({ edge, cloud }),
        };
        const [arm, ...others] = armsOfWays(request);
        const { cost } = arm ?? expect.fail('no arm');
        expect([arm?.id, others]).toEqual([`${a}-${c}/uint8`, []]);
        const speed = edge.whole.medianMs / cloud.whole.medianMs;
        const middleMs = (cost.tailMs - 2) * speed;
        expect(cost.headMs + middleMs + (cost.lastMs ?? 0)).toBeCloseTo(edge.whole.medianMs, 6);
        expect(cost.receivedBytes).toBeCloseTo(packed(edge, c) * shareBack, 6);
        expect(cost.sentBytes).toBe(packed(edge, a));
      }),
    );
  });

  it('parts a tail over gateways in a row, with the links between them, and is as busy as the slowest of them', () => {
    fc.assert(
      fc.property(profiles, profiles, link, ([edge, fog], [, other], between: GatewayLink) => {
        const cloud = { ...other, modelDigest: fog.modelDigest };
        const request = {
          ...{ edge, gateways: [fog, cloud], links: [between] },
          ...{ ways: [{ from: a, via: [b] }], transfers: transfersOf({ edge, cloud: fog }) },
        };
        const [arm] = armsOfWays(request);
        const { cost } = arm ?? expect.fail('no arm');
        const { gatewayMs, wireMs } = cost.row ?? expect.fail('no row');
        expect(arm?.id).toBe(`${a}>${b}/uint8`);
        const restMs = (who: Profile, id: string) =>
          who.cuts.find((cut) => cut.id === id)?.tail.medianMs ?? 0;
        expect(gatewayMs[0]).toBeCloseTo(restMs(fog, a) - restMs(fog, b) + 2, 6);
        expect(gatewayMs[1]).toBeCloseTo(restMs(cloud, b) + 2, 6);
        const bits = 8000 * packed(edge, b);
        const backBits = 8000 * reply.receivedBytes;
        expect(wireMs[0]).toBeCloseTo(
          bits / between.uplinkBitsPerSecond + backBits / between.downlinkBitsPerSecond,
          6,
        );
        expect(cost.tailMs).toBeCloseTo(sum(gatewayMs) + sum(wireMs) + between.roundTripMs, 6);
        const fastest = fastestLink({ roundTripMs: 0, downlinkBitsPerSecond: 1e12, queueMs: 0 });
        expect(scoreArm('throughput', cost, fastest)).toBeCloseTo(
          Math.max(cost.headMs, 2, ...gatewayMs, ...wireMs),
          6,
        );
      }),
    );
  });
});
