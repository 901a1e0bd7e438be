/** One inference: the request's tensors to feeds, the session's outputs and trace to what a reply is made of. */
import { SplitError, type Tensors } from '@cutpoint/sdk';
import type { RunOptions, Trace } from '@cutpoint/sdk/node';
import { type InferBody, type InferResponse, outputsOf, readInferRequest } from '@cutpoint/sdk/oip';
import { describeIssues } from '@cutpoint/sdk/program';
import { z } from 'zod';
import type { LoadedModel, ModelHost } from '../models/model-host.ts';

// Tolerant of parameters that a newer client sends.
const parametersSchema = z.object({
  /** Milliseconds for this run. */
  deadline_ms: z.number().positive().optional(),
  /** Uses this arm and no other, by its id as the model's metadata lists them. */
  arm: z.string().optional(),
});

export interface InferOptions {
  readonly host: ModelHost;
  readonly body: InferBody;
  /** Fires when the application has gone. */
  readonly signal: AbortSignal;
}

/** @throws SplitError */
export async function infer({ host, body, signal }: InferOptions): Promise<InferResponse> {
  const request = readInferRequest(body);
  const options = runOptions(request.parameters, signal);
  return await host.use(async ({ session, installed }: LoadedModel) => {
    const outputs = outputsOf(request, session.outputNames);
    const fetches = outputs.map((output) => output.name);
    let parameters: Record<string, string | number> = {};
    const onTrace = (trace: Trace) => {
      parameters = traceParameters(trace);
    };
    const values = (await session.run(request.feeds, fetches, { ...options, onTrace })) as Tensors;
    return { model: host.name, version: installed.version, id: request.id, parameters, outputs, values };
  });
}

function runOptions(parameters: Readonly<Record<string, unknown>>, signal: AbortSignal): RunOptions {
  const parsed = parametersSchema.safeParse(parameters);
  if (!parsed.success) throw new SplitError('options-invalid', `parameters: ${describeIssues(parsed.error)}`);
  const { deadline_ms: deadlineMs, arm } = parsed.data;
  return {
    signal,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(arm === undefined ? {} : { arm }),
  };
}

/** Where the run was cut, and whether and why the device had to answer by itself. */
function traceParameters(trace: Trace): Record<string, string | number> {
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
