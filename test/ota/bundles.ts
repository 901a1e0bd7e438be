/** Versions of one model as signed bundles, each with its own answer to the same question. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@cutpoint/sdk';
import { createBundle, generateSigningKeys, type SigningKeyPair, signBundle } from '@cutpoint/sdk/bundle';
import { createOrtNode, encodeNpy, sampleTensor } from '@cutpoint/sdk/gateway';
import { smallConvNet } from '../support/models/small-conv-net.ts';

/** What applications ask while versions change. */
export const QUESTION: Tensor = sampleTensor({ type: 'float32', dims: [1, 3, 32, 32], seed: 7 });

export interface PublishOptions {
  /** Each seed is another model. */
  readonly seed: number;
  readonly version: string;
  readonly counter: number;
  /** What is done to the folder before its manifest is written and signed: a recording that is wrong, a model that is none. */
  readonly spoilBefore?: (folder: string) => Promise<void>;
  /** What is done to it afterwards. */
  readonly spoilAfter?: (folder: string) => Promise<void>;
  readonly signedBy?: SigningKeyPair;
}

export interface Publisher {
  /** Served by web server and broker alike; a bundle lies in `folder/VERSION`. */
  readonly folder: string;
  readonly keys: SigningKeyPair;
  readonly keyPath: string;
  /** @returns what the model in it answers to QUESTION; nothing where it is broken */
  publish(options: PublishOptions): Promise<Float32Array | undefined>;
  /** What the model of a seed answers to QUESTION. */
  answerOf(seed: number): Promise<Float32Array>;
  close(): Promise<void>;
}

export async function createPublisher(): Promise<Publisher> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-bundles-'));
  const keys = generateSigningKeys();
  const keyPath = join(folder, 'release.pem.pub');
  await writeFile(keyPath, keys.publicKey);
  const runtime = await createOrtNode({ threads: 1 });
  const answers = new Map<number, Float32Array>();

  async function answerOf(seed: number): Promise<Float32Array> {
    const known = answers.get(seed) ?? (await answerBy(smallConvNet({ seed })));
    answers.set(seed, known);
    return known;
  }

  async function answerBy(bytes: Uint8Array): Promise<Float32Array> {
    const model = await runtime.load({ bytes });
    const { values } = await runtime.run({
      models: [model],
      feeds: { input: QUESTION },
      fetches: ['output'],
    });
    await model.release();
    return values.output?.data as Float32Array;
  }

  async function publish(o: PublishOptions): Promise<Float32Array | undefined> {
    const place = join(folder, o.version);
    await mkdir(join(place, 'trial/0'), { recursive: true });
    await writeFile(join(place, 'model.onnx'), smallConvNet({ seed: o.seed }));
    const output: Tensor = { type: 'float32', dims: [1, 10], data: await answerOf(o.seed) };
    await writeFile(join(place, 'trial/0/input-0.npy'), encodeNpy(QUESTION));
    await writeFile(join(place, 'trial/0/output-0.npy'), encodeNpy(output));
    await o.spoilBefore?.(place);
    const answer = await answerBy(await readFile(join(place, 'model.onnx'))).catch(() => undefined);
    await createBundle(place, {
      model: 'net',
      version: o.version,
      counter: o.counter,
      createdAt: new Date(),
    });
    await signBundle(place, (o.signedBy ?? keys).privateKey);
    await o.spoilAfter?.(place);
    return answer;
  }

  return {
    folder,
    keys,
    keyPath,
    publish,
    answerOf,
    async close() {
      await runtime.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
