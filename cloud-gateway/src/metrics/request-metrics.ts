/** What becomes of requests: answered and refused, how long they took and where, how much they brought. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { GatewayEvents, RequestFacts, RequestFinished, RequestRefused } from '../events.ts';
import { MS_PER_SECOND, SECONDS } from './buckets.ts';

const REQUEST_LABELS = ['model', 'version', 'via'] as const;

export function countRequests(registry: Registry, events: GatewayEvents): readonly (() => void)[] {
  const registers = [registry];
  const requests = new Counter({
    name: 'cutpoint_requests_total',
    help: 'Requests that were answered, by the cut at which they came.',
    labelNames: [...REQUEST_LABELS, 'cut'],
    registers,
  });
  const refusals = new Counter({
    name: 'cutpoint_refusals_total',
    help: 'Requests that were refused or failed, by code; admitted says whether work had begun.',
    labelNames: [...REQUEST_LABELS, 'code', 'admitted'],
    registers,
  });
  const duration = new Histogram({
    name: 'cutpoint_request_duration_seconds',
    help: 'From the last byte of a request to its answer.',
    labelNames: REQUEST_LABELS,
    buckets: SECONDS,
    registers,
  });
  const refusalDuration = new Histogram({
    name: 'cutpoint_refusal_duration_seconds',
    help: 'From the last byte of a request to its refusal.',
    labelNames: ['code'],
    buckets: SECONDS,
    registers,
  });
  const stages = new Histogram({
    name: 'cutpoint_stage_duration_seconds',
    help: 'What a request spent in each stage: decode, queue, copy, tail, encode.',
    labelNames: ['model', 'version', 'stage'],
    buckets: SECONDS,
    registers,
  });
  const bytes = new Counter({
    name: 'cutpoint_payload_bytes_total',
    help: 'Bytes of requests that were answered, and of their answers.',
    labelNames: [...REQUEST_LABELS, 'direction'],
    registers,
  });

  const finished = (event: RequestFinished) => {
    const labels = labelsOf(event.request);
    const { model, version } = labels;
    requests.inc({ ...labels, cut: event.request.cut });
    duration.observe(labels, event.totalMs / MS_PER_SECOND);
    for (const [stage, ms] of stagesOf(event)) stages.observe({ model, version, stage }, ms / MS_PER_SECOND);
    bytes.inc({ ...labels, direction: 'in' }, event.requestBytes);
    bytes.inc({ ...labels, direction: 'out' }, event.replyBytes);
  };
  const refused = ({ request, code, wasAdmitted, elapsedMs }: RequestRefused) => {
    refusals.inc({ ...labelsOf(request), code, admitted: String(wasAdmitted) });
    refusalDuration.observe({ code }, elapsedMs / MS_PER_SECOND);
  };
  return [events.on('request-finished', finished), events.on('request-refused', refused)];
}

/** Of pipelines: the stages behind this one. */
export function countHandedOn(registry: Registry, events: GatewayEvents): readonly (() => void)[] {
  const registers = [registry];
  const duration = new Histogram({
    name: 'cutpoint_hand_on_duration_seconds',
    help: 'Of requests that were handed on: from encoding what crosses to the answer of the stages behind.',
    labelNames: ['model', 'version'],
    buckets: SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'cutpoint_hand_on_failures_total',
    help: 'Requests that the stages behind did not answer, by code.',
    labelNames: ['model', 'version', 'code'],
    registers,
  });
  const stop = events.on('request-handed-on', ({ request, code, elapsedMs }) => {
    const { model, version } = labelsOf(request);
    if (code === undefined) duration.observe({ model, version }, elapsedMs / MS_PER_SECOND);
    else failures.inc({ model, version, code });
  });
  return [stop];
}

function labelsOf({ model, version, via }: RequestFacts) {
  return version === undefined ? { model: '', version: '', via } : { model, version, via };
}

function stagesOf({ decodeMs, queueMs, copyMs, tailMs, encodeMs }: RequestFinished) {
  return Object.entries({
    decode: decodeMs,
    queue: queueMs,
    copy: copyMs,
    tail: tailMs,
    encode: encodeMs,
  });
}
