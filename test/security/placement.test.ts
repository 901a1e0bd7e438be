/**
 * A policy's placement against real parts: sessions, the gateway, a broker between them. Every violation is refused, nothing
 * of it leaves or runs, and each stands in an audit log that shows any change.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@cutpoint/sdk';
import { generateSigningKeys, readPrivateKey, readTrustedKeys } from '@cutpoint/sdk/bundle';
import {
  type AuditEntry,
  type Cut,
  candidateCuts,
  createCodec,
  createOrtNode,
  deflateNode,
  elementCount,
  fileSource,
  openModel,
  type RouteStage,
  signDescriptor,
  type Tensor,
  type Transport,
} from '@cutpoint/sdk/gateway';
import { createSplitSession, openAuditLog, type SplitSessionOptions } from '@cutpoint/sdk/node';
import { connectMqtt, createRequestClient } from '@cutpoint/sdk/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../cloud-gateway/src/config.ts';
import { type Gateway, startGateway } from '../../cloud-gateway/src/gateway.ts';
import { verifyAuditLog } from '../../sdk/src/audit/verify-log.ts';
import { decodeEnvelope, encodeEnvelope } from '../../sdk/src/protocol/envelope.ts';
import { type ModelFolder, makeModelFolder } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { type Mosquitto, mosquittoMissing, startMosquitto } from '../support/mosquitto.ts';
import { honestClaim, hostileGateways, OPERATOR, STRICT, startHostile } from './hostile-gateways.ts';

const x = randomTensor(randomNumbers(4), [1, 3, 32, 32]);
const keyText = () => randomBytes(32).toString('base64url');
const KEYS = { now: keyText(), over: keyText() };
const AUDIT_KEYS = generateSigningKeys();
const NET = { model: 'net', device: 'dev', inputShapes: { input: x.dims }, threads: 1 } as const;
const PLACE = { region: 'eu-1', gatewayKeys: OPERATOR.publicKey };

/** The policy beside the gateway's model; what is kept is put in by the test, which knows the cuts. */
const BESIDE = {
  minDepth: 0.2,
  encryption: 'required',
  dataClass: 'personal',
  classes: {
    personal: { activations: ['eu-1'] },
    medical: { minDepth: 1 },
    american: { activations: ['us-1'] },
    foreign: { parameters: ['us-1'] },
    outsourced: { providers: ['rented'] },
    fleeting: { retentionMs: 10 },
  },
};

let broker: Mosquitto;
let directory: string;
let models: ModelFolder;
let digest = '';
let cuts: readonly Cut[] = [];
let kept = '';
const skip = mosquittoMissing() !== undefined;

beforeAll(async () => {
  if (skip) return;
  [broker, directory] = await Promise.all([startMosquitto(), mkdtemp(join(tmpdir(), 'cutpoint-placement-'))]);
  models = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: x.dims } } });
  const runtime = await createOrtNode({ threads: 1 });
  const model = await openModel(fileSource(models.model('net')), runtime, { inputShapes: { input: x.dims } });
  digest = model.digest;
  cuts = candidateCuts(model.cuts, model.graph, { limit: 8 });
  await runtime.close();
  kept = cuts[3]?.tensors[0]?.name ?? '';
});
afterAll(async () => {
  if (skip) return;
  await broker.close();
  await models.remove();
  await rm(directory, { recursive: true, force: true });
});

const at = (name: string) => join(directory, name);

/** A signed log, and what is in it. */
async function openLog(name: string) {
  const log = await openAuditLog(at(name), { key: readPrivateKey(AUDIT_KEYS.privateKey) });
  onTestFinished(() => log.close());
  return { log, entries: () => readLog(name) };
}

/** While it is written to: lines that are whole. */
async function readLog(name: string): Promise<readonly AuditEntry[]> {
  const text = await readFile(at(name), 'utf8');
  return text.split('\n').flatMap((line, index, all) => (index < all.length - 1 ? [JSON.parse(line)] : []));
}

async function expectWhole(name: string): Promise<void> {
  const verdict = await verifyAuditLog(at(name), { trusted: readTrustedKeys(AUDIT_KEYS.publicKey) });
  expect(verdict.fault).toBeUndefined();
  expect(verdict).toMatchObject({ isWhole: true, endKnownBy: 'signed head file' });
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'answered',
    (error: { code?: string }) => error.code ?? String(error),
  );

describe.skipIf(skip)('a device with a policy', () => {
  test('asks none of the gateways that break it, and one that keeps it', async () => {
    const transport = await connectMqtt({ url: broker.url });
    const announced = [
      {
        ...{ name: 'net', digest, cuts: cuts.map(({ id }) => ({ id, tailMs: 0.01 })), inputTailMs: 0.01 },
        range: { from: 'input', to: 'outputs' },
      },
    ];
    const hostile = await startHostile(transport, 'hostile', announced);
    onTestFinished(async () => {
      await hostile.stop();
      await transport.close();
    });
    const rows = hostileGateways();
    const { log, entries } = await openLog('device.jsonl');
    const options: SplitSessionOptions = {
      ...{
        ...NET,
        broker: broker.url,
        namespace: 'hostile',
        policy: STRICT,
        connectTimeoutMs: 1,
        audit: log,
      },
      encryption: { keyId: 'k1', key: KEYS.now },
      placement: { ...PLACE, gatewayCounters: at('counters.json') },
    };
    const session = await createSplitSession(models.model('net'), options);
    onTestFinished(() => session.release());
    const decided = async () =>
      (await entries()).flatMap(({ kind, details: { decision, gateway, reason } }) =>
        String(decision).startsWith('gateway') ? [{ kind, gateway, reason: reason ?? 'allowed' }] : [],
      );
    await expect.poll(async () => (await decided()).length, { timeout: 10_000 }).toBe(rows.length);
    await hostile.turn();
    const turning = rows.filter(({ before }) => before).length;
    await expect.poll(async () => (await decided()).length, { timeout: 10_000 }).toBe(rows.length + turning);

    const refused = (await decided()).filter(({ reason }) => reason !== 'allowed');
    expect(refused.map(({ gateway, reason }) => [gateway, reason]).sort()).toEqual(
      rows.map(({ id, reason }) => [id, reason]).sort(),
    );
    const ofRegion = refused.filter(({ kind }) => kind === 'region-refusal').length;
    expect(ofRegion).toBe(rows.filter(({ reason }) => /activations|region/.test(reason)).length);

    await session.run({ input: x });
    for (const arm of session.arms) {
      const run = session.run({ input: x }, { arm: arm.id });
      expect(await codeOf(run)).toBe('answered');
      const expected =
        arm.kind === 'device' ? { arm: 'device' } : { fallback: 'local', reason: 'placement-denied' };
      expect(session.lastTrace).toMatchObject(expected);
    }
    // Without a fallback it is an error; and counters outlive the session that saw them.
    const strict = createSplitSession(models.model('net'), {
      ...options,
      fallback: 'none',
      connectTimeoutMs: 500,
    });
    expect(await codeOf(strict)).toBe('placement-denied');
    expect(JSON.parse(await readFile(at('counters.json'), 'utf8'))).toMatchObject({ 'rolled-back': 7 });
    expect([...hostile.received]).toEqual([]);

    await hostile.addHonest('honest', Uint8Array.from(Buffer.from(KEYS.now, 'base64url')));
    const arm = session.arms.find(({ kind }) => kind === 'split')?.id ?? '';
    await expect
      .poll(
        async () => {
          await session.run({ input: x }, { arm });
          return hostile.received.get('honest') ?? 0;
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(0);
    expect([...hostile.received.keys()]).toEqual(['honest']);

    await session.release();

    // A route names only those that the device itself may ask; with nobody left nothing is sent.
    const inARow = async (second: readonly string[]) => {
      const own = { ...options, connectTimeoutMs: 3000, stages: [['honest'], second] };
      const pipeline = await createSplitSession(models.model('net'), own);
      await pipeline.run({ input: x });
      const row = pipeline.arms.find((one) => one.kind === 'split' && one.via !== undefined)?.id ?? '';
      const before = hostile.received.get('honest');
      await pipeline.run({ input: x }, { arm: row });
      const sent = (hostile.received.get('honest') ?? 0) - (before ?? 0);
      const { reason } = pipeline.lastTrace ?? {};
      await pipeline.release();
      return { sent, reason };
    };
    expect((await inARow([])).sent).toBeGreaterThan(0);
    expect([...hostile.named]).toEqual(['honest']);
    expect(await inARow(['moves-away', 'wrong-region'])).toEqual({ sent: 0, reason: 'placement-denied' });
    expect([...hostile.received.keys()]).toEqual(['honest']);
    await expect
      .poll(async () => (await entries()).map(({ details }) => details.decision))
      .toContain('stage refused');
    await expectWhole('device.jsonl');
  }, 60_000);

  test('is not even made where the policy cannot be kept', async () => {
    const { log, entries } = await openLog('refused.jsonl');
    const encryption = { keyId: 'k1', key: KEYS.now };
    const all = { ...NET, broker: broker.url, policy: STRICT, placement: PLACE, encryption };
    const classes = { placement: { classes: { personal: {} } } };
    const rows: readonly [string, Partial<SplitSessionOptions>, string][] = [
      [
        'data of an unknown class',
        { policy: classes, placement: { ...PLACE, dataClass: 'secret' } },
        'placement-denied',
      ],
      ['weights on a device elsewhere', { placement: { ...PLACE, region: 'us-1' } }, 'placement-denied'],
      [
        'weights on a device that says no region',
        { placement: { gatewayKeys: OPERATOR.publicKey } },
        'placement-denied',
      ],
      ['nobody to trust', { placement: { region: 'eu-1' } }, 'options-invalid'],
      ['keys that are none', { placement: { ...PLACE, gatewayKeys: 'eu-1' } }, 'options-invalid'],
      ['nothing to seal with', { encryption: undefined }, 'options-invalid'],
      [
        'a policy with a limit that nobody knows',
        { policy: { placement: { region: ['eu-1'] } } },
        'options-invalid',
      ],
    ];
    for (const [what, more, code] of rows) {
      const made = createSplitSession(models.model('net'), { ...all, ...more, audit: log });
      expect([what, await codeOf(made)]).toEqual([what, code]);
    }
    const logged = (await entries()).map(({ details }) => [details.decision, details.code]);
    expect(logged).toEqual(rows.map(([, , code]) => ['session refused', code]));
  });
});

describe.skipIf(skip)('a gateway with a policy beside its model', () => {
  let gateway: Gateway;
  const name = 'gateway.jsonl';
  const held = {
    abroad: { parameters: ['us-1'] },
    rented: { providers: ['rented'] },
    fleeting: { retentionMs: 10 },
  };
  const unusable = { unreadable: { region: ['eu-1'] }, nameless: { keep: ['nothing of that name'] } };

  beforeAll(async () => {
    await models.add('net', smallConvNet(), { inputs: { input: x.dims } });
    const policies = { net: { ...BESIDE, keep: [kept] }, ...held, ...unusable };
    for (const [model, placement] of Object.entries(policies)) {
      if (model !== 'net') await models.add(model, smallConvNet());
      // JSON is YAML.
      await writeFile(join(models.path, model, 'policy.yaml'), JSON.stringify({ placement }));
    }
    const entries = [
      { id: 'k1', key: KEYS.now },
      { id: 'k0', key: KEYS.over, notAfter: new Date(Date.now() - 1000).toISOString() },
    ];
    const devices = {
      encryption: 'optional',
      devices: [{ id: 'dev', password: 'a password of twenty letters', keys: entries }],
    };
    await writeFile(at('devices.yaml'), JSON.stringify(devices));
    await writeFile(at('audit.pem'), AUDIT_KEYS.privateKey);
    await writeFile(at('eu.json'), JSON.stringify(honestClaim('eu').descriptor));
    const served = { descriptor: at('eu.json'), audit: at(name), http: '127.0.0.1:0', next: 'own' };
    gateway = await startGateway(config(served));
  }, 60_000);
  afterAll(() => gateway?.stop());

  const config = (more: object) =>
    resolveConfig({
      ...{
        models: models.path,
        broker: broker.url,
        id: 'eu',
        threads: 1,
        retentionMs: 1000,
        decodeThreads: 0,
      },
      ...{ devices: at('devices.yaml'), auditKey: at('audit.pem') },
      ...more,
    });
  const notes = async () => (await readLog(name)).map(({ details }) => details);

  test('serves none of the models that may not be here', async () => {
    expect(gateway.models).toEqual(['net']);
    const failed = async () =>
      (await readLog(name)).flatMap(({ kind, details }) =>
        kind === 'model-change' && details.state === 'failed' ? [details.model] : [],
      );
    await expect.poll(failed).toEqual([...Object.keys(held), ...Object.keys(unusable)].sort());
    const all = await readLog(name);
    const refused = all.filter(
      ({ details }) => details.subject === 'model' && details.decision === 'refused',
    );
    expect(refused.map(({ kind, details }) => [details.model, kind])).toEqual([
      ['abroad', 'region-refusal'],
      ['fleeting', 'policy-decision'],
      ['rented', 'policy-decision'],
    ]);
  });

  test('answers no request that breaks it, and one that keeps it', async () => {
    let ran = 0;
    gateway.events.on('batch-ran', () => {
      ran += 1;
    });
    const before = cuts.findIndex((cut) => cut.tensors.some((tensor) => tensor.name === kept));
    const [shallow, deep] = [cuts.find(({ depth }) => depth < BESIDE.minDepth), cuts.at(-1)];
    const early = cuts.slice(0, before).find(({ depth }) => depth >= BESIDE.minDepth);
    const good = { cut: deep, keyId: 'k1', key: KEYS.now };
    const rows: readonly Asked[] = [
      { ...good, what: 'the input', cut: undefined, code: 'placement-denied', reason: 'minDepth, keep' },
      {
        ...good,
        what: 'too shallow a cut',
        cut: shallow,
        code: 'placement-denied',
        reason: 'minDepth, keep',
      },
      {
        ...good,
        what: 'a kept value that crosses',
        cut: cuts[before],
        code: 'placement-denied',
        reason: 'keep',
      },
      {
        ...good,
        what: 'a kept value made behind the cut',
        cut: early,
        code: 'placement-denied',
        reason: 'keep',
      },
      {
        ...good,
        what: 'a class that asks for more depth',
        dataClass: 'medical',
        code: 'placement-denied',
        reason: 'minDepth',
      },
      {
        ...good,
        what: 'a class of another region',
        dataClass: 'american',
        code: 'placement-denied',
        reason: 'activations',
      },
      {
        ...good,
        what: 'a class whose weights are elsewhere',
        dataClass: 'foreign',
        code: 'placement-denied',
        reason: 'parameters',
      },
      {
        ...good,
        what: 'a class of another provider',
        dataClass: 'outsourced',
        code: 'placement-denied',
        reason: 'providers',
      },
      {
        ...good,
        what: 'a class kept for less time',
        dataClass: 'fleeting',
        code: 'placement-denied',
        reason: 'retentionMs',
      },
      {
        ...good,
        what: 'a class that nobody knows',
        dataClass: 'secret',
        code: 'placement-denied',
        reason: 'dataClass',
      },
      {
        ...good,
        what: 'a gateway behind this one, of which nobody knows where it is',
        cut: cuts.at(-2),
        route: [{ cut: deep?.id ?? '', profile: 'float32' }],
        code: 'placement-denied',
        reason: 'route',
      },
      { what: 'the clear', cut: deep, code: 'encryption-required', reason: 'encryption' },
      { ...good, what: 'a key that is over', keyId: 'k0', key: KEYS.over, code: 'decryption-failed' },
      { ...good, what: 'a key that nobody knows', keyId: 'k9', code: 'decryption-failed' },
      { ...good, what: 'another key', key: keyText(), code: 'decryption-failed' },
      {
        ...good,
        what: 'a class that was changed on the way',
        dataClass: 'american',
        toClass: 'personal',
        code: 'decryption-failed',
      },
    ];
    let logged = (await notes()).length;
    for (const row of rows) {
      expect([row.what, await codeOf(ask(row))]).toEqual([row.what, row.code]);
      const expected = row.reason
        ? { decision: 'refused', reason: row.reason }
        : { decision: 'seal refused', code: row.code };
      await expect.poll(async () => (await notes()).length, { message: row.what }).toBe(logged + 1);
      logged += 1;
      expect([row.what, (await notes()).at(-1)]).toEqual([row.what, expect.objectContaining(expected)]);
    }
    const plain = await fetch(`${gateway.httpUrl}/v2/models/net/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        inputs: [
          { name: 'input', datatype: 'FP32', shape: x.dims, data: Array.from(x.data as Float32Array) },
        ],
      }),
    });
    expect(plain.status).toBe(403);
    const isLast = (expected: object) =>
      expect.poll(async () => (await notes()).at(-1)).toMatchObject(expected);
    await isLast({ decision: 'refused', via: 'http', cut: 'input' });
    expect(ran).toBe(0);
    expect(await codeOf(ask({ ...good, what: 'all as it should be', code: '' }))).toBe('answered');
    expect(ran).toBe(1);
    await isLast({ decision: 'allowed', device: 'dev', isSealed: true });
  }, 60_000);

  test('is asked by a session under the same policy, at the cuts that are left', async () => {
    const { log, entries } = await openLog('session.jsonl');
    const path = join(models.path, 'net', 'policy.yaml');
    const session = await createSplitSession(models.model('net'), {
      ...{ ...NET, broker: broker.url, policy: path, audit: log, placement: PLACE, profiles: ['float32'] },
      ...{ fallback: 'none', encryption: { keyId: 'k1', key: KEYS.now } },
    });
    onTestFinished(() => session.release());
    await session.run({ input: x });
    const arms = session.arms.flatMap((arm) => (arm.kind === 'split' ? [arm] : []));
    expect(arms.length).toBeGreaterThan(0);
    for (const { id } of arms)
      expect([id, await codeOf(session.run({ input: x }, { arm: id }))]).toEqual([id, 'answered']);
    const allowed = new Set(arms.map(({ cut }) => cut.id));
    const denied = [
      'input/float32+deflate',
      ...cuts.filter(({ id }) => !allowed.has(id)).map(({ id }) => `${id}/float32`),
    ];
    expect(denied.length).toBeGreaterThan(2);
    for (const arm of denied)
      expect([arm, await codeOf(session.run({ input: x }, { arm }))]).toEqual([arm, 'placement-denied']);
    await session.release();
    const logged = await entries();
    const refused = logged.filter(({ details }) => details.decision === 'cut refused');
    expect(refused.map(({ details }) => details.arm)).toEqual(denied);
    expect(logged.map(({ kind }) => kind)).toContain('model-change');
  });

  test.each([
    ['of another gateway', honestClaim('us').descriptor, {}],
    ['of another region than configured', honestClaim('eu').descriptor, { region: 'us-1' }],
    ['of another provider than configured', honestClaim('eu').descriptor, { cloudProvider: 'rented' }],
    ['that promises less retention than is configured', honestClaim('eu').descriptor, { retentionMs: 2000 }],
    ['that is over', old(), {}],
  ])('does not start with a descriptor %s', async (what, descriptor, more) => {
    const file = `own-${what.replaceAll(' ', '-')}.jsonl`;
    await writeFile(at('own.json'), JSON.stringify(descriptor));
    const started = startGateway(config({ descriptor: at('own.json'), audit: at(file), ...more }));
    expect(await codeOf(started)).toBe('options-invalid');
    const noted = (await readLog(file)).map(({ details }) => details.decision);
    expect(noted).toContain('descriptor refused');
  });

  test('writes a log that shows every edit, cut and change of order', async () => {
    await gateway.stop();
    await expectWhole(name);
    const lines = (await readFile(at(name), 'utf8')).trimEnd().split('\n');
    const head = await readFile(`${at(name)}.head`);
    const trusted = readTrustedKeys(AUDIT_KEYS.publicKey);
    const isWhole = async (edited: readonly string[]) => {
      await writeFile(at('edited.jsonl'), `${edited.join('\n')}\n`);
      await writeFile(at('edited.jsonl.head'), head);
      return (await verifyAuditLog(at('edited.jsonl'), { trusted })).isWhole;
    };
    expect(await isWhole(lines)).toBe(true);
    for (const [place, line] of lines.entries()) {
      expect(await isWhole(lines.toSpliced(place, 1))).toBe(false);
      expect(await isWhole(lines.toSpliced(place, 1, line.replace('"actor":"eu"', '"actor":"us"')))).toBe(
        false,
      );
      if (place > 0)
        expect(await isWhole(lines.toSpliced(place - 1, 2, line, lines[place - 1] ?? ''))).toBe(false);
      if (place > 0) expect(await isWhole(lines.slice(0, place))).toBe(false);
    }
  });
});

describe.skipIf(skip)('a gateway that hands on under a policy', () => {
  const name = 'fog.jsonl';
  let fog: Gateway;
  let folder: ModelFolder;
  let hostile: Awaited<ReturnType<typeof startHostile>>;
  let transport: Transport;
  const key = () => Uint8Array.from(Buffer.from(KEYS.now, 'base64url'));

  beforeAll(async () => {
    const inputs = { input: x.dims };
    folder = await makeModelFolder({
      net: { model: smallConvNet(), inputs },
      kept: { model: smallConvNet(), inputs },
    });
    const policies = {
      net: STRICT,
      kept: { placement: { keep: [cuts.at(-1)?.tensors[0]?.name], outputs: 'stay' } },
    };
    for (const [model, policy] of Object.entries(policies))
      await writeFile(join(folder.path, model, 'policy.yaml'), JSON.stringify(policy));
    const devices = ['dev', 'fog'].map((id) => {
      return { id, password: 'a password of twenty letters', keys: [{ id: 'k1', key: KEYS.now }] };
    });
    await writeFile(at('row.yaml'), JSON.stringify({ namespace: 'row', encryption: 'optional', devices }));
    await writeFile(at('audit.pem'), AUDIT_KEYS.privateKey);
    await writeFile(at('next.key'), KEYS.now);
    await writeFile(at('operators.pem'), OPERATOR.publicKey);
    transport = await connectMqtt({ url: broker.url });
    const ids = cuts.map(({ id }) => ({ id, tailMs: 0.01 }));
    const announced = {
      name: 'net',
      digest,
      cuts: ids,
      inputTailMs: 0.01,
      range: { from: 'input', to: 'outputs' },
    };
    hostile = await startHostile(transport, 'row', [announced]);
    fog = await start('fog', {
      ...{ region: 'eu-1', cloudProvider: 'own' },
      ...{ next: 'own', nextKeyId: 'k1', nextKey: at('next.key'), nextGatewayKeys: at('operators.pem') },
      ...{ nextGatewayCounters: at('next-counters.json'), audit: at(name), auditKey: at('audit.pem') },
    });
  }, 60_000);
  afterAll(async () => {
    await fog?.stop();
    await hostile?.stop();
    await transport?.close();
    await folder?.remove();
  });

  const start = (id: string, more: object) =>
    startGateway(
      resolveConfig({
        ...{ models: folder.path, broker: broker.url, namespace: 'row', threads: 1, decodeThreads: 0 },
        ...{ id, retentionMs: 1000, devices: at('row.yaml'), ...more },
      }),
    );
  const [first, second, third] = [1, 3, 5].map((place) => () => cuts[place]) as [CutAt, CutAt, CutAt];
  const routed = (...stages: readonly (readonly string[] | undefined)[]) =>
    codeOf(
      ask({
        ...{
          what: 'a row',
          code: '',
          gateway: 'fog',
          namespace: 'row',
          cut: first(),
          keyId: 'k1',
          key: KEYS.now,
        },
        route: stages.map((gateways, i) => {
          const cut = (i === 0 ? second() : third())?.id ?? '';
          return { cut, profile: 'float32', ...(gateways && { gateways }) };
        }),
      }),
    );

  test('hands on to none that breaks it, names none, and hands on to one that keeps it', async () => {
    const rows = hostileGateways();
    const decided = async () =>
      (await readLog(name)).flatMap(({ details: { decision, gateway, reason } }) =>
        String(decision).startsWith('gateway') ? [[gateway, reason ?? 'allowed'] as const] : [],
      );
    // Those that hide what they are at first are seen as they are then.
    await expect.poll(() => routed(['no-descriptor'])).toBe('placement-denied');
    await expect.poll(async () => (await decided()).length).toBe(rows.length);
    await hostile.turn();
    for (const { id } of rows) expect([id, await routed([id])]).toEqual([id, 'placement-denied']);
    const turning = rows.filter(({ before }) => before).length;
    await expect.poll(async () => (await decided()).length).toBe(rows.length + turning);
    const refused = (await decided()).filter(([, reason]) => reason !== 'allowed');
    expect(refused.toSorted()).toEqual(rows.map(({ id, reason }) => [id, reason]).toSorted());
    expect(await routed(undefined)).toBe('placement-denied');
    expect([...hostile.received]).toEqual([]);
    expect(JSON.parse(await readFile(at('next-counters.json'), 'utf8'))).toMatchObject({ 'rolled-back': 7 });

    await hostile.addHonest('honest', key());
    // It answers all that it is sent so.
    await expect.poll(() => routed(['honest'])).toBe('runtime-failed');
    expect(await routed(undefined)).toBe('runtime-failed');
    expect(await routed(undefined, undefined)).toBe('runtime-failed');
    expect([...hostile.named]).toEqual(['honest']);
    const sent = hostile.received.get('honest');
    expect(await routed(['honest'], ['moves-away', 'wrong-region'])).toBe('placement-denied');
    expect([...hostile.received]).toEqual([['honest', sent]]);
    const decisions = (await readLog(name)).map(({ details }) => details.decision);
    expect(decisions.filter((decision) => decision === 'stage refused').length).toBeGreaterThan(rows.length);
  }, 60_000);

  test('is answered by a real one behind it that keeps it', async () => {
    await writeFile(at('cloud.json'), JSON.stringify(honestClaim('cloud').descriptor));
    const cloud = await start('cloud', { descriptor: at('cloud.json'), audit: at('cloud.jsonl') });
    onTestFinished(() => cloud.stop());
    await expect.poll(() => routed(['cloud']), { timeout: 10_000 }).toBe('answered');
    const [noted] = (await readLog('cloud.jsonl')).filter(({ details }) => details.subject === 'request');
    expect(noted?.details).toMatchObject({ decision: 'allowed', device: 'fog', isSealed: true });
  });

  test('takes a request back from one that moves while it has it', async () => {
    const move = await hostile.addSlow('slow', key());
    const untilItIsHeard = async (): Promise<string> => {
      const code = await routed(['slow']);
      return code === 'gateway-unavailable' ? untilItIsHeard() : code;
    };
    const asked = untilItIsHeard();
    await expect.poll(() => hostile.received.get('slow') ?? 0, { timeout: 4_000 }).toBeGreaterThan(0);
    await move();
    expect(await asked).toBe('placement-denied');
    await expect
      .poll(async () => (await readLog(name)).at(-1)?.details)
      .toMatchObject({ decision: 'gateway refused', gateway: 'slow', reason: 'activations, parameters' });
  });

  test('hands on nothing that has kept values made, or outputs, behind it', async () => {
    const row = { ...{ gateway: 'fog', namespace: 'row', keyId: 'k1', key: KEYS.now }, model: 'kept' };
    const route = [{ cut: second()?.id ?? '', profile: 'float32' }];
    const asked = ask({ ...row, what: 'what lies behind the next stage', code: '', cut: first(), route });
    expect(await codeOf(asked)).toBe('placement-denied');
    await expect
      .poll(async () => (await readLog(name)).at(-1)?.details)
      .toMatchObject({ decision: 'refused', model: 'kept', reason: 'keep, outputs' });
    await fog.stop();
    await expectWhole(name);
  });
});

type CutAt = () => Cut | undefined;

interface Asked {
  readonly what: string;
  /** @default 'net', at gateway 'eu' of the namespace 'cutpoint' */
  readonly model?: string;
  readonly gateway?: string;
  readonly namespace?: string;
  /** `undefined`: the input. */
  readonly cut: Cut | undefined;
  readonly keyId?: string;
  readonly key?: string;
  readonly dataClass?: string;
  /** Who goes on behind this gateway. */
  readonly route?: readonly RouteStage[];
  /** Put in its place by who carries the message. */
  readonly toClass?: string;
  readonly code: string;
  /** In the log; without one the seal was refused. */
  readonly reason?: string;
}

const codec = createCodec({ deflate: deflateNode() });

/** A request as a device would send it that has no policy of its own. */
async function ask({ cut, keyId, key, dataClass, route, toClass, ...where }: Asked): Promise<unknown> {
  const { model = 'net', gateway = 'eu', namespace = 'cutpoint' } = where;
  const transport = await connectMqtt({ url: broker.url });
  const randomId = () => randomBytes(12).toString('hex');
  const client = createRequestClient({
    transport: toClass === undefined ? transport : reclassing(transport, toClass),
    ...{ deviceId: 'dev', namespace, clock: systemClock(), randomId },
    ...(keyId !== undefined && key !== undefined && { encryption: { keyId, key } }),
  });
  try {
    await client.start();
    await expect.poll(() => client.gateways().map((one) => one.gateway)).toContain(gateway);
    const values = cut
      ? cut.tensors.map(({ name, shape }) => [name, zeros(shape ?? [])] as const)
      : [['input', x] as const];
    const tensors = await Promise.all(
      values.map(async ([name, tensor]) => ({ name, frame: await codec.encode(tensor, 'float32') })),
    );
    const request = {
      model,
      digest,
      cut: cut?.id ?? 'input',
      tensors,
      fetches: ['output'],
      replyProfile: 'float32',
      dataClass,
      route,
    };
    return await client.request(gateway, request, { deadlineMs: 5_000 });
  } finally {
    await client.close();
    await transport.close();
  }
}

function zeros(shape: readonly (number | string)[]): Tensor {
  const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1));
  return { type: 'float32', dims, data: new Float32Array(elementCount(dims)) };
}

function reclassing(transport: Transport, dataClass: string): Transport {
  return {
    maxPacketBytes: transport.maxPacketBytes,
    get isConnected() {
      return transport.isConnected;
    },
    subscribe: (filter, receive) => transport.subscribe(filter, receive),
    onStateChange: (listener) => transport.onStateChange(listener),
    close: () => transport.close(),
    publish: (topic, bytes, options) => {
      const { header, payload } = decodeEnvelope(bytes);
      const own = header as { readonly t: string };
      const changed = own.t === 'request' ? { ...own, dataClass } : own;
      return transport.publish(topic, encodeEnvelope(changed as never, [payload]), options);
    },
  };
}

function old() {
  const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
  const about = { gateway: 'eu', region: 'eu-1', counter: 1, notBefore: ago(2), notAfter: ago(1) };
  return signDescriptor(about, OPERATOR.privateKey);
}
