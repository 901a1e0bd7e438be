/**
 * What a stranger writes against the installed packages: one split run and one run of the whole model.
 * `stranger MODEL BROKER` prints what came of it as one line of JSON.
 */
import { isSplitError, type Tensor, tensorBytes } from '@cutpoint/sdk';
import { candidateCuts, isCodecProfile } from '@cutpoint/sdk/gateway';
import { createSplitSession } from '@cutpoint/sdk/node';
import { memoryBroker } from '@cutpoint/sdk/testing';
import * as ort from 'onnxruntime-node';

const [model = '', broker = ''] = process.argv.slice(2);
const data = Float32Array.from({ length: 3 * 32 * 32 }, (_, index) => Math.sin(index));
const input: Tensor = { type: 'float32', data, dims: [1, 3, 32, 32] };

const whole = await ort.InferenceSession.create(model);
const expected = await whole.run({ input: new ort.Tensor('float32', data, input.dims) });

const session = await createSplitSession(model, {
  broker,
  model: 'net',
  profiles: ['float32'],
  fallback: 'none',
});
await session.run({ input });
const inner = session.arms.filter((arm) => arm.kind === 'split' && arm.cut.position > 0);
const { output } = await session.run({ input }, { arm: inner[0]?.id ?? 'none' });
const refusal: unknown = await session.run({ wrong: input }).catch((error: unknown) => error);

const result = {
  node: process.versions.node,
  expected: [...(expected.output?.data as Float32Array)],
  actual: [...(output?.data as Float32Array)],
  gateway: session.lastTrace?.gateway,
  sentBytes: session.lastTrace?.sentBytes,
  inputBytes: tensorBytes(input).length,
  refusal: isSplitError(refusal) ? refusal.code : String(refusal),
  doors: [typeof candidateCuts, isCodecProfile('uint8'), typeof memoryBroker],
};
await session.release();
console.log(JSON.stringify(result));
