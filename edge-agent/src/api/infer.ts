/** One inference over HTTP: the request's JSON to feeds, the session's outputs and trace to the reply's JSON. */
import { SplitError, type Tensor } from '@cutpoint/sdk';
import type { RunOptions, SplitSession, Trace } from '@cutpoint/sdk/node';
import { describeIssues } from '@cutpoint/sdk/program';
import { z } from 'zod';
import { fromOip, type OipTensor, toOip } from './oip-tensor.ts';

// Tolerant of keys that a newer client sends. The data's values are checked by type while they are copied.
const schema = z.object({
  id: z.string().optional(),
  inputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.string(),
      shape: z.array(z.int().nonnegative()),
      data: z.unknown(),
    }),
  ),
  outputs: z.array(z.object({ name: z.string() })).optional(),
  parameters: z
    .object({
      /** Milliseconds for this run. */
      deadline_ms: z.number().positive().optional(),
      /** Uses this arm and no other, by its id as the model's metadata lists them. */
      arm: z.string().optional(),
    })
    .optional(),
});

type InferRequest = z.output<typeof schema>;

export interface InferResponse {
  readonly model_name: string;
  readonly id?: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly outputs: readonly OipTensor[];
}

export interface InferOptions {
  readonly name: string;
  readonly session: SplitSession;
  readonly body: unknown;
  /** Fires when the application has gone. */
  readonly signal: AbortSignal;
}

/** @throws SplitError */
export async function infer({ name, session, body, signal }: InferOptions): Promise<InferResponse> {
  const request = readRequest(body);
  const feeds = Object.fromEntries(request.inputs.map((input) => [input.name, fromOip(input)]));
  const fetches = request.outputs?.map((output) => output.name) ?? session.outputNames;
  let parameters: InferResponse['parameters'] = {};
  const onTrace = (trace: Trace) => {
    parameters = traceParameters(trace);
  };
  const values = await session.run(feeds, fetches, { ...runOptions(request, signal), onTrace });
  return {
    model_name: name,
    ...(request.id === undefined ? {} : { id: request.id }),
    parameters,
    outputs: fetches.map((output) => toOip(output, outputOf(values, output))),
  };
}

function runOptions({ parameters }: InferRequest, signal: AbortSignal): RunOptions {
  const { deadline_ms: deadlineMs, arm } = parameters ?? {};
  return {
    signal,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(arm === undefined ? {} : { arm }),
  };
}

function readRequest(body: unknown): InferRequest {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new SplitError('options-invalid', `request: ${describeIssues(parsed.error)}`);
  const names = parsed.data.inputs.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return parsed.data;
  throw new SplitError('input-name', `input '${twice}' is there twice`);
}

function outputOf(values: Readonly<Record<string, unknown>>, name: string): Tensor {
  const tensor = values[name];
  if (tensor === undefined) throw new SplitError('internal', `the session gave no '${name}'`);
  return tensor as Tensor;
}

/** Where the run was cut, and whether and why the device had to answer by itself. */
function traceParameters(trace: Trace): InferResponse['parameters'] {
  const { arm, cut, depth, totalMs, gateway, fallback, reason } = trace;
  return {
    arm,
    cut,
    depth,
    total_ms: totalMs,
    ...(gateway === undefined ? {} : { gateway }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(reason === undefined ? {} : { reason }),
  };
}
