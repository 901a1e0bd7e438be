/** Profile, plan and explain as a user starts them, on a small net; times are of this machine and are never asserted. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, openChromium } from '../../../test/support/chromium.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { type Ended, runCutpoint } from '../../../test/support/run-cutpoint.ts';
import { generateSigningKeys } from '../bundle/signing-keys.ts';
import { readPlan } from '../planner/plan-file.ts';
import { type Profile, readProfile } from '../planner/profile.ts';
import { runProgram } from './program.ts';

const home = process.cwd();
let folder: string;

/** As a user would start it. */
function startCutpoint(...args: string[]): Promise<Ended> {
  const argv = ['--conditions=@cutpoint/source', join(import.meta.dirname, 'main.ts'), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { cwd: folder, maxBuffer: 1 << 26 }, (error, out, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, error: stderr });
    });
  });
}

/** The same without a process of its own, which is what takes time. */
const profileOf = async (name: string): Promise<Profile> =>
  readProfile(JSON.parse(await readFile(join(folder, name), 'utf8')));
const PLAN = ['plan', 'net.onnx', '--edge', 'edge.json', '--cloud', 'cloud.json'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-'));
  await writeFile(join(folder, 'net.onnx'), smallConvNet());
  await writeFile(join(folder, 'other.onnx'), smallConvNet({ seed: 4 }));
  await writeFile(join(folder, 'foreign.onnx'), smallConvNet({ input: 'image' }));
  await writeFile(join(folder, 'picture.jpg'), Buffer.alloc(700, 1));
  await writeFile(join(folder, 'stay.yaml'), 'inputs: stay\n');
  await writeFile(join(folder, 'small.yaml'), 'maxPayloadBytes: 1\ndeviceMemoryBytes: 1\n');
  await writeFile(join(folder, 'wrong.yaml'), 'deadline: 5\n');
  const common = [
    'profile',
    'net.onnx',
    '--shape',
    'input=1x3x32x32',
    '--threads',
    '1',
    '--rounds',
    '3',
    '--pause',
    '5',
    '--max-cuts',
    '4',
  ];
  const board = ['--slowdown', '4', '--image', 'picture.jpg', '--device', 'a board', '--out', 'edge.json'];
  process.chdir(folder);
  const made = [
    await startCutpoint(...common, ...board),
    await startCutpoint(...common, '--as', 'gateway', '--out', 'cloud.json'),
  ];
  expect(made.map(({ code, error }) => ({ code, error }))).toEqual(
    [0, 0].map((code) => ({ code, error: '' })),
  );
}, 60_000);
afterAll(async () => {
  process.chdir(home);
  await rm(folder, { recursive: true });
});

describe('cutpoint profile', () => {
  it('says in which mode the machine was, and a plan doubts times of one that was slowed down for heat', async () => {
    const root = join(folder, 'hot');
    const files = {
      'sys/class/thermal/thermal_zone0/temp': '61000',
      'sys/class/thermal/thermal_zone1/temp': '93500',
      'sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'powersave',
      'sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq': '1510400',
      'sys/devices/platform/soc/soc:firmware/get_throttled': '4',
      'var/lib/nvpmodel/status': 'pmode:0002 fmode:quiet',
      'etc/nvpmodel.conf': '< POWER_MODEL ID=2 NAME=MODE_15W >',
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), `${text}\n`);
    }
    const sizes = ['--shape', 'input=1x3x32x32', '--threads', '1', '--rounds', '1', '--pause', '0'];
    const argv = ['profile', 'net.onnx', ...sizes, '--max-cuts', '2', '--out', 'hot.json'];
    let out = '';
    const world = { hasColours: false, showsProgress: false, now: () => new Date(), writeError: () => {} };
    const code = await runProgram({ argv, root, ...world, writeOut: (text) => (out += text) });
    expect(code).toBe(0);
    const mode = {
      powerMode: 'MODE_15W',
      governor: 'powersave',
      maxMegahertz: 1510,
      temperatureCelsius: { before: 93.5, after: 93.5 },
      wasThrottled: true,
    };
    expect((await profileOf('hot.json')).mode).toEqual(mode);
    expect(out.replaceAll('\n', ' ')).toContain('power mode MODE_15W');
    const from = PLAN.map((word) => (word === 'edge.json' ? 'hot.json' : word));
    expect(await runCutpoint(...from, '--out', 'hot-plan.json')).toMatchObject({ code: 0 });
    const { edge, assumptions } = readPlan(JSON.parse(await readFile('hot-plan.json', 'utf8')));
    expect(edge.mode).toEqual(mode);
    expect(assumptions).toContain(
      'Of the times of the device: it was slowed down for heat meanwhile, and its governor was powersave.',
    );
  });

  it('times head and tail of every cut, and says what would travel, for a session to see the same', async () => {
    const edge = await profileOf('edge.json');
    expect(edge).toMatchObject({
      device: 'a board',
      provider: 'cpu',
      threads: 1,
      slowdown: 4,
      inputSource: 'seeded',
    });
    expect(edge).toMatchObject({
      runtime: expect.stringMatching(/^onnxruntime-node \d/),
      inputShapes: { input: [1, 3, 32, 32] },
    });
    expect(edge.executor).toMatch(/^(valve|chain|separate) of a device: /);
    expect((await profileOf('cloud.json')).executor).toMatch(/ of a gateway: /);
    expect(edge.pauseMs).toBe(5);
    expect(edge.cuts).toHaveLength(4);
    for (const { head, tail } of edge.cuts)
      expect([head.runs, tail.runs, head.medianMs > 0]).toEqual([3, 3, true]);
    expect(edge.transfers).toHaveLength(3 + 4 * 4);
    expect(edge.transfers[0]).toMatchObject({
      cutId: null,
      profile: 'image',
      sentBytes: 700,
      decodeMs: null,
    });
    expect(edge.peakMemoryBytes).toBeGreaterThan(1e7);
  });

  it('finds the same cuts and the same bytes on every machine', async () => {
    const [edge, cloud] = [await profileOf('edge.json'), await profileOf('cloud.json')];
    const bytes = ({ cuts, transfers }: Profile) => [
      cuts.map(({ id }) => id),
      transfers.filter(({ profile }) => profile !== 'image').map(({ sentBytes }) => sentBytes),
    ];
    expect(bytes(edge)).toEqual(bytes(cloud));
  });

  it("times the gateway's decoder on a picture that is the input, and cuts that are named", async () => {
    const pixels = { width: 32, height: 32, channels: 3 as const };
    await writeFile(
      join(folder, 'input.jpg'),
      await sharp({ create: { ...pixels, background: 'teal' } })
        .jpeg()
        .toBuffer(),
    );
    const [, , , last] = (await profileOf('edge.json')).cuts;
    const { out } = await runCutpoint(
      ...[
        'profile',
        'net.onnx',
        '--shape',
        'input=1x3x32x32',
        '--rounds',
        '1',
        '--pause',
        '0',
        '--executor',
        'chain',
      ],
      ...['--codecs', 'uint8', '--max-cuts', '1', '--cuts', last?.id ?? '', '--image', 'input.jpg', '--json'],
    );
    const { cuts, transfers } = readProfile(JSON.parse(out));
    expect(cuts.map(({ id }) => id)).toContain(last?.id);
    expect(transfers.find(({ profile }) => profile === 'image')?.decodeMs).toBeGreaterThan(0);
  });

  it('guesses without running, and says so', async () => {
    const { code, out } = await runCutpoint(
      'profile',
      'net.onnx',
      '--guess',
      'server',
      '--slowdown',
      '2',
      '--json',
    );
    const profile = readProfile(JSON.parse(out));
    expect({ code, inputs: profile.inputs, slowdown: profile.slowdown }).toEqual({
      code: 0,
      inputs: 0,
      slowdown: 2,
    });
    expect(
      [profile.whole, ...profile.cuts.flatMap(({ head, tail }) => [head, tail]), ...profile.transfers].every(
        ({ isGuess }) => isGuess,
      ),
    ).toBe(true);
    for (const { head, tail } of profile.cuts)
      expect(head.medianMs + tail.medianMs).toBeCloseTo(profile.whole.medianMs, 9);
  });

  it('takes the median of the bytes of several inputs from files', async () => {
    await mkdir(join(folder, 'inputs'));
    const npy = (value: number) => {
      const head = `${"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 32, 32), }".padEnd(117)}\n`;
      const bytes = Buffer.alloc(128 + 3072 * 4);
      bytes.write('\x93NUMPY\x01\x00', 'latin1');
      bytes.writeUInt16LE(118, 8);
      bytes.write(head, 10, 'latin1');
      for (let i = 0; i < 3072; i++) bytes.writeFloatLE(value * Math.sin(i * i), 128 + 4 * i);
      return bytes;
    };
    for (const [name, value] of Object.entries({ a: 0, b: 1, c: 2 }))
      await writeFile(join(folder, 'inputs', `${name}.npy`), npy(value));
    const { code, out } = await runCutpoint(
      'profile',
      'net.onnx',
      '--inputs',
      'inputs',
      '--rounds',
      '1',
      '--max-cuts',
      '1',
      '--codecs',
      'uint8+deflate',
      '--executor',
      'chain',
      '--json',
    );
    const { inputs, inputSource, transfers } = readProfile(JSON.parse(out));
    expect({ code, inputs, inputSource }).toEqual({ code: 0, inputs: 3, inputSource: 'files' });
    // All zeros pack into next to nothing, the others do not.
    const packed = transfers.find(({ cutId, profile }) => cutId === null && profile === 'float32+deflate');
    expect(packed?.spreadBytes).toBeGreaterThan(100);
  });
});

describe('cutpoint plan and explain', () => {
  it('answers, fits 80 columns, and writes a plan that explain reads', async () => {
    const { code, out, error } = await startCutpoint(...PLAN, '--out', 'plan.json');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(out).toMatch(/the device alone/);
    expect(out).toContain('The device is played: its times were measured and multiplied by 4.');
    const plan = readPlan(JSON.parse(await readFile(join(folder, 'plan.json'), 'utf8')));
    expect(plan.arms.map(({ kind }) => kind).filter((kind) => kind !== 'split')).toEqual([
      'device',
      'cloud',
      'cloud',
      'cloud',
    ]);
    const explained = await startCutpoint('explain', 'plan.json', '--at', '3.5Mbps', '--cloud-slowdown', '2');
    expect(explained).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^At 3\.5 Mbit\/s with the cloud 2 times slower, /),
    });
  });

  it('gives the same bytes for the same files', async () => {
    const [first, second] = [await runCutpoint(...PLAN, '--json'), await runCutpoint(...PLAN, '--json')];
    expect(first.out).toBe(second.out);
    const { hash, memory } = readPlan(JSON.parse(first.out));
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(memory).toEqual({ weightBytes: expect.any(Number), activationBytes: expect.any(Number) });
  });

  it('keeps the inputs on the device where the policy says so', async () => {
    const { code, out } = await runCutpoint(
      ...PLAN,
      '--policy',
      'stay.yaml',
      '--objective',
      'throughput',
      '--json',
    );
    const plan = readPlan(JSON.parse(out));
    expect([code, plan.objective]).toEqual([0, 'throughput']);
    const inputs = plan.arms.filter(({ kind }) => kind === 'cloud');
    expect(inputs.map(({ best, excludedBy }) => [best, excludedBy])).toEqual(
      inputs.map(() => [null, ['inputs']]),
    );
  });

  it('plans the middle in the cloud where the outputs stay, with what comes back, and lists what that rules out', async () => {
    const { code, out } = await runCutpoint(...PLAN, '--outputs', 'stay', '--json');
    const plan = readPlan(JSON.parse(out));
    const us = plan.arms.filter(({ keepsOutputs }) => keepsOutputs === true);
    // Four cuts, so six pairs of them, each in the profiles of cuts.
    expect([code, us.length, plan.wish.constraints.outputs]).toEqual([0, 6 * 4, 'stay']);
    for (const { id, cost, excludedBy } of us) {
      expect(id).toMatch(/^[0-9a-f]{16}-[0-9a-f]{16}\/uint/);
      expect([excludedBy, cost.sentBytes > 0, cost.receivedBytes > 0]).toEqual([[], true, true]);
    }
    const rest = plan.arms.filter((arm) => !us.includes(arm));
    for (const { kind, excludedBy } of rest) expect(excludedBy).toEqual(kind === 'device' ? [] : ['outputs']);
    expect(rest.map(({ id }) => id)).toEqual(expect.arrayContaining(['device', 'input/image']));
    await writeFile(join(folder, 'private.yaml'), 'inputs: stay\nplacement: { outputs: stay }\n');
    const text = await runCutpoint(...PLAN, '--policy', 'private.yaml');
    expect(text.out).toMatch(/not: inputs,\s+outputs|not: outputs/);
    expect(Math.max(...text.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('places stages on named machines, as far as the policy lets them, and makes arms of their row', async () => {
    const played = async (from: string, name: string, wholeMs: number) => {
      const timing = (medianMs: number) => ({ medianMs, spreadMs: 0, runs: 3, isGuess: false });
      const profile = await profileOf(from);
      const cuts = profile.cuts.map((cut) => ({
        ...cut,
        head: timing(cut.depth * wholeMs),
        tail: timing((1 - cut.depth) * wholeMs),
      }));
      await writeFile(join(folder, name), JSON.stringify({ ...profile, whole: timing(wholeMs), cuts }));
    };
    await played('edge.json', 'slow.json', 2000);
    await played('cloud.json', 'fog.json', 900);
    await played('cloud.json', 'fast.json', 1);
    const link = (from: string, to: string) => ({ from, to, uplinkMbps: 1000, roundTripMs: 1 });
    const machines = {
      machines: [
        { name: 'fog-1', profile: 'fog.json', region: 'eu' },
        { name: 'cloud-1', profile: 'fast.json', region: 'eu' },
        { name: 'cloud-2', profile: 'fast.json', region: 'us' },
      ],
      links: [link('device', 'fog-1'), link('fog-1', 'cloud-1'), link('fog-1', 'cloud-2')],
    };
    await writeFile(join(folder, 'machines.yaml'), JSON.stringify(machines));
    const placed = (activations: readonly string[], ...further: readonly string[]) => {
      const policy = `placed-${activations.join('-')}.yaml`;
      const flags = ['--edge', 'slow.json', '--machines', 'machines.yaml', '--policy', policy, ...further];
      return writeFile(join(folder, policy), JSON.stringify({ placement: { activations } })).then(() =>
        runCutpoint('plan', 'net.onnx', ...flags),
      );
    };
    const { code, out, error } = await placed(['eu'], '--json');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    const plan = readPlan(JSON.parse(out));
    expect(plan.route?.stages).toEqual([['fog-1'], ['cloud-1']]);
    expect(plan.route?.removed).toEqual([
      { gateway: 'cloud-2', reasons: ['placement.activations'], what: expect.stringContaining('is in us') },
    ]);
    const rows = plan.arms.filter(({ cost }) => cost.row !== undefined);
    const [best] = plan.route?.placements.slice(-1) ?? [];
    expect(rows.map(({ id }) => id)).toContain(`${best?.cuts.join('>')}/${best?.profile}`);
    // Four cuts, so six pairs, each in four profiles; nothing was timed that would let the input go on as it is.
    expect(rows).toHaveLength(6 * 4);
    expect(plan.arms.find(({ best: range }) => range?.toBitsPerSecond === null)?.cost.row).toBeDefined();
    const text = await placed(['eu']);
    expect(text.out.replaceAll(/\s+/g, ' ')).toContain(
      'Left out by the policy: cloud-2, as the gateway is in us',
    );
    const both = readPlan(JSON.parse((await placed(['eu'], '--outputs', 'stay', '--json')).out));
    expect(both.arms.filter(({ cost, keepsOutputs }) => cost.row && keepsOutputs)).toHaveLength(4 * 4);
    const roomBytes = Math.floor((plan.memory?.weightBytes ?? 0) / 2);
    const [fog] = machines.machines;
    const narrow = { machines: [{ ...fog, memoryBytes: roomBytes }], links: machines.links.slice(0, 1) };
    await writeFile(join(folder, 'narrow.yaml'), JSON.stringify(narrow));
    const small = await runCutpoint(
      'plan',
      'net.onnx',
      '--edge',
      'slow.json',
      '--machines',
      'narrow.yaml',
      '--json',
    );
    const { arms } = readPlan(JSON.parse(small.out));
    const held = arms.filter(({ kind, excludedBy }) => kind === 'split' && excludedBy.length === 0);
    const sent = arms.filter(({ kind }) => kind === 'cloud');
    expect([held.length > 0, sent.length > 0]).toEqual([true, true]);
    for (const { excludedBy } of sent) expect(excludedBy).toEqual(['memory']);
    const nowhere = await placed(['us']);
    expect(nowhere).toMatchObject({
      code: 1,
      out: '',
      error: expect.stringContaining('error[placement-denied]'),
    });
    expect(nowhere.error).toMatch(/policy.* would have to be lifted.*fog-1: the gateway is in eu/);
  });

  it('sends nothing from before a node that the policy names', async () => {
    const [, cut] = (await profileOf('edge.json')).cuts;
    await writeFile(join(folder, 'after.yaml'), `afterNode: ${JSON.stringify(cut?.name)}\n`);
    const { out } = await runCutpoint(...PLAN, '--policy', 'after.yaml', '--json');
    const { arms } = readPlan(JSON.parse(out));
    const depths = (isAllowed: boolean) =>
      arms.filter(({ excludedBy }) => (excludedBy.length === 0) === isAllowed).map(({ depth }) => depth);
    expect(Math.max(...depths(false))).toBeLessThan(cut?.depth ?? 0);
    expect(Math.min(...depths(true))).toBeCloseTo(cut?.depth ?? 0, 9);
  });

  it('leaves out the arms that the placement of a policy forbids, and says which limit does', async () => {
    const { cuts } = await profileOf('edge.json');
    const kept = cuts[1]?.name ?? '';
    const personal = {
      activations: ['eu-1'],
      providers: ['own'],
      minDepth: 0.01,
      keep: [kept],
      retentionMs: 1000,
    };
    await writeFile(join(folder, 'placed.yaml'), JSON.stringify({ placement: { classes: { personal } } }));
    await writeFile(join(folder, 'ops.pem'), generateSigningKeys().privateKey);
    const reasonsWith = async (...place: readonly string[]) => {
      const about = ['--counter', '1', '--key', 'ops.pem', '--out', 'gw.json', ...place];
      expect(await runCutpoint('describe-gateway', 'gw-1', ...about)).toMatchObject({ code: 0, error: '' });
      const flags = ['--policy', 'placed.yaml', '--gateway', 'gw.json', '--data-class', 'personal', '--json'];
      const { out } = await runCutpoint(...PLAN, ...flags);
      return readPlan(JSON.parse(out)).arms.map(({ kind, depth, excludedBy }) => ({
        kind,
        depth,
        excludedBy,
      }));
    };
    const allowed = ['--region', 'eu-1', '--provider', 'own', '--retention', '1s'];
    const inPlace = await reasonsWith(...allowed);
    for (const { kind, depth, excludedBy } of inPlace) {
      const expected =
        kind === 'device'
          ? []
          : kind === 'cloud'
            ? ['minDepth', 'placement.keep']
            : depth <= (cuts[1]?.depth ?? 0)
              ? ['placement.keep']
              : [];
      expect([kind, depth, excludedBy]).toEqual([kind, depth, expected]);
    }
    const elsewhere = await reasonsWith('--region', 'us-1', '--provider', 'rented');
    for (const { kind, excludedBy } of elsewhere.filter((arm) => arm.kind !== 'device'))
      expect([kind, excludedBy]).toEqual([
        kind,
        expect.arrayContaining(['regions', 'placement.providers', 'placement.retentionMs']),
      ]);
    const unknown = await runCutpoint(...PLAN, '--policy', 'placed.yaml', '--data-class', 'secret');
    expect(unknown.error).toContain('error[placement-denied]');
  });

  it('ends with 1 and names the constraints where no arm keeps them', async () => {
    const { code, out } = await runCutpoint(...PLAN, '--policy', 'small.yaml', '--out', 'none.json');
    expect(code).toBe(1);
    expect(out.replaceAll('\n', ' ')).toMatch(
      /^No arm keeps deviceMemoryBytes \(\d+ of \d+ arms\), maxPayloadBytes \(/,
    );
    await expect(readFile(join(folder, 'none.json'))).rejects.toThrow('ENOENT');
  });

  it('refuses a plan that was edited', async () => {
    await runCutpoint(...PLAN, '--out', 'mine.json');
    const text = await readFile(join(folder, 'mine.json'), 'utf8');
    await writeFile(join(folder, 'mine.json'), text.replace('"threads": 1', '"threads": 2'));
    const { code, error } = await runCutpoint('explain', 'mine.json', '--at', '1Mbps');
    expect({ code, error }).toEqual({
      code: 2,
      error: expect.stringMatching(/plan\.hash is \w+; the content has/),
    });
  });

  it.skipIf(!hasChromium())(
    'writes a page that stands alone and shows as it is meant in Chromium, however narrow',
    async () => {
      expect((await runCutpoint(...PLAN, '--html', 'plan.html')).code).toBe(0);
      const html = await readFile(join(folder, 'plan.html'), 'utf8');
      expect(html).not.toMatch(/<script|src=|@import|url\((?!#)/);
      const browser = await openChromium();
      try {
        const page = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme: 'dark' });
        await page.goto(`file://${join(folder, 'plan.html')}`);
        expect(await page.locator('h1').innerText()).toMatch(/stay on the device|send|cut at/);
        expect(await page.locator('svg').count()).toBe(3);
        expect(await page.locator('path.envelope').count()).toBeGreaterThan(0);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
        const ends =
          "[...document.querySelectorAll('caption')].map((one) => one.getBoundingClientRect().right)";
        expect(await page.evaluate(`Math.max(...${ends})`)).toBeLessThanOrEqual(390);
      } finally {
        await browser.close();
      }
    },
  );

  it.each([
    [['plan', 'other.onnx', ...PLAN.slice(2)], 1, /error\[model-mismatch\]: the file is model/],
    [['plan', 'foreign.onnx', ...PLAN.slice(2)], 1, /error\[model-mismatch\]: the file is model/],
    [[...PLAN, '--policy', 'wrong.yaml'], 2, /policy: .*deadline/],
    [[...PLAN, '--rtt', '20'], 2, /--rtt 20 is not a time such as 20ms/],
    [['plan', 'net.onnx', '--edge', 'net.onnx', '--cloud', 'cloud.json'], 2, /cannot read net\.onnx/],
    [['plan', 'net.onnx', '--edge', 'edge.json'], 2, /--cloud/],
    [[...PLAN, '--machines', 'stay.yaml'], 2, /--machines.*--cloud/],
    [['plan', 'net.onnx', '--edge', 'edge.json', '--machines', 'stay.yaml'], 2, /machines\./],
    [['explain', 'edge.json', '--at', '1Mbps'], 2, /plan\.format/],
    [['explain', 'edge.json', '--at', 'fast'], 2, /--at fast is not a rate/],
    [['profile', 'net.onnx', '--codecs', 'mp3'], 2, /--codecs names 'mp3'; expected float32/],
    [['profile', 'net.onnx', '--rounds', '0'], 2, /--rounds 0 is not a whole number from 1/],
    [['profile', 'net.onnx', '--inputs', 'nowhere'], 2, /cannot read --inputs nowhere/],
    [['profile', 'net.onnx', '--image', 'nothing.jpg'], 2, /cannot read --image nothing\.jpg/],
  ])('answers %j with exit code %i and one line', async (args, code, message) => {
    const ended = await runCutpoint(...args);
    expect(ended).toEqual({ code, out: '', error: expect.stringMatching(message) });
    expect(ended.error.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each(['profile', 'plan', 'explain'])('shows an example with %s', async (verb) => {
    const { code, out } = await runCutpoint(verb, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`$ cutpoint ${verb} `);
  });
});
