import { appendFile, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBundle, openBundle, signBundle, verifyParts } from './bundle.ts';
import { openCounters } from './counters.ts';
import { decodeManifest, MANIFEST_FILE, SIGNATURE_FILE } from './manifest.ts';
import { decodeSignatures } from './signature.ts';
import { generateSigningKeys, readTrustedKeys } from './signing-keys.ts';

const ABOUT = { model: 'net', version: '3', counter: 7, createdAt: new Date(0) };
const keys = generateSigningKeys();
const trustedKeys = readTrustedKeys(keys.publicKey);
let folder: string;
const at = (path: string) => join(folder, path);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-bundle-'));
  await mkdir(at('weights'));
  await writeFile(at('model.onnx'), 'a model');
  await writeFile(at('weights/a.bin'), 'some weights');
  await writeFile(at('plan.json'), '{}');
});
afterEach(() => rm(folder, { recursive: true }));

async function makeSigned() {
  await createBundle(folder, ABOUT);
  await signBundle(folder, keys.privateKey);
}

describe('a bundle', () => {
  it('names every file with its digest, and verifies', async () => {
    await makeSigned();
    const bundle = await openBundle(folder, { trustedKeys, leastCounter: 7 });
    expect(bundle.signedBy).toBe(keys.keyId);
    expect(bundle.manifest.parts.map(({ path }) => path)).toEqual([
      'model.onnx',
      'plan.json',
      'weights/a.bin',
    ]);
    await verifyParts(bundle);
  });

  it('is not made of a folder without a model, nor trusted with a part of another length, and says which', async () => {
    await makeSigned();
    const bundle = await openBundle(folder, { trustedKeys, leastCounter: 7 });
    await appendFile(at('plan.json'), ' ');
    await expect(verifyParts(bundle)).rejects.toThrow(/^plan\.json has 3 bytes; bundle\.json says 2$/);
    await rm(at('model.onnx'));
    await expect(createBundle(folder, ABOUT)).rejects.toThrow(`${folder} holds no model.onnx`);
  });

  it('can be signed by a second key, and then either is enough', async () => {
    await makeSigned();
    const next = generateSigningKeys();
    await signBundle(folder, next.privateKey);
    for (const pem of [
      keys.publicKey,
      next.publicKey,
      `${generateSigningKeys().publicKey}\n${next.publicKey}`,
    ])
      await expect(openBundle(folder, { trustedKeys: readTrustedKeys(pem) })).resolves.toMatchObject({});
  });

  it.each([
    ['without a signature', () => rm(at(SIGNATURE_FILE))],
    ['whose manifest says something else', () => editManifest('"counter": 7', '"counter": 8')],
    ['whose manifest has one blank more', () => appendFile(at(MANIFEST_FILE), ' ')],
    ['made anew after signing', () => createBundle(folder, { ...ABOUT, counter: 9 })],
  ])('is refused %s', async (_what, change) => {
    await makeSigned();
    await change();
    await expect(openBundle(folder, { trustedKeys })).rejects.toMatchObject({ code: 'signature-invalid' });
  });

  it('is refused when signed by a key that nobody trusts', async () => {
    await makeSigned();
    const others = readTrustedKeys(generateSigningKeys().publicKey);
    const opening = openBundle(folder, { trustedKeys: others });
    await expect(opening).rejects.toMatchObject({ code: 'signature-invalid' });
    await expect(opening).rejects.toThrow(keys.keyId);
  });

  it.each([
    ['a changed part', () => writeFile(at('model.onnx'), 'b model')],
    ['a shorter part', () => truncate(at('weights/a.bin'), 3)],
    ['a missing part', () => rm(at('plan.json'))],
    ['a file that nobody signed for', () => writeFile(at('cutpoint.json'), '{}')],
    ['a link', () => symlink('/etc/hostname', at('more'))],
    [
      'a part turned into a link',
      async () => {
        await rm(at('plan.json'));
        await symlink('/etc/hostname', at('plan.json'));
      },
    ],
  ])('does not verify with %s', async (_what, change) => {
    await makeSigned();
    await change();
    const bundle = await openBundle(folder, { trustedKeys });
    await expect(verifyParts(bundle)).rejects.toMatchObject({ code: 'bundle-invalid' });
  });

  it('does not go back behind a counter', async () => {
    await makeSigned();
    const opening = openBundle(folder, { trustedKeys, leastCounter: 8 });
    await expect(opening).rejects.toMatchObject({ code: 'bundle-outdated' });
  });

  it.each([
    ['leads out', '"path": "plan.json"', '"path": "../plan.json"'],
    ['is absolute', '"path": "plan.json"', '"path": "/plan.json"'],
    ['hides', '"path": "plan.json"', '"path": ".plan.json"'],
    ['comes twice', '"path": "plan.json"', '"path": "MODEL.onnx"'],
    ['is another kind of file', '"cutpoint-bundle"', '"zip"'],
    ['has no model', '"path": "model.onnx"', '"path": "models.onnx"'],
  ])('has no manifest that %s', async (_what, from, to) => {
    await createBundle(folder, ABOUT);
    await editManifest(from, to);
    await expect(openBundle(folder)).rejects.toMatchObject({ code: 'bundle-invalid' });
  });

  it('reads any bytes as a manifest or signatures, or says bundle-invalid', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          for (const read of [
            () => decodeManifest(bytes),
            () => decodeSignatures(Buffer.from(bytes).toString()),
          ])
            expect(read).toThrow(expect.objectContaining({ code: 'bundle-invalid' }));
        },
      ),
    );
  });

  async function editManifest(from: string, to: string): Promise<void> {
    const text = await readFile(at(MANIFEST_FILE), 'utf8');
    expect(text).toContain(from);
    await writeFile(at(MANIFEST_FILE), text.replace(from, to));
  }
});

describe('keys', () => {
  it.each(['', 'no key', keys.privateKey])('that are none are refused', (pem) => {
    expect(() => readTrustedKeys(pem)).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });
});

describe('counters', () => {
  it('that cannot be written are storage-failed, until they can be', async () => {
    const counters = await openCounters(at('in-the-way/counters.json'));
    await writeFile(at('in-the-way'), '');
    await expect(counters.raise('net', 3)).rejects.toMatchObject({ code: 'storage-failed' });
    await expect(counters.raise('net', 3)).rejects.toMatchObject({ code: 'storage-failed' });
    await rm(at('in-the-way'));
    await counters.raise('net', 3);
    expect((await openCounters(at('in-the-way/counters.json'))).get('net')).toBe(3);
  });

  it('survive, only rise, and start at 0', async () => {
    const path = join(folder, 'state', 'counters.json');
    const counters = await openCounters(path);
    expect(counters.get('net')).toBe(0);
    await Promise.all([counters.raise('net', 3), counters.raise('net', 2), counters.raise('other', 1)]);
    const again = await openCounters(path);
    expect([again.get('net'), again.get('other')]).toEqual([3, 1]);
  });

  it('that cannot be read are an error, not none', async () => {
    await writeFile(at('counters.json'), '{"net": "many"}');
    await expect(openCounters(at('counters.json'))).rejects.toMatchObject({ code: 'bundle-invalid' });
  });
});
