import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createGatewayEvents,
  type GatewayEvents,
  type RequestFacts,
  type RequestFinished,
} from '../events.ts';
import { createMetrics, type Metrics } from './metrics.ts';

const queue = { length: 3, expectedWaitMs: 250, congestionPrice: 1.5 };
const build = { version: '1.2.3', node: '24.0.0', onnxruntime: '1.30.0' };
const request: RequestFacts = {
  ...{ id: 'r1', via: 'mqtt', device: 'camera-17', tenant: 'acme', model: 'net', version: '2', cut: 'abc' },
};
const finished: RequestFinished = {
  ...{ request, arrivedMs: 0, totalMs: 12, decodeMs: 1, queueMs: 4, tailMs: 5, copyMs: 0.4, encodeMs: 1.6 },
  ...{ batchSize: 4, batchCuts: 2, executor: 'cpu:0', provider: 'cpu', requestBytes: 900, replyBytes: 100 },
};

let events: GatewayEvents;
let metrics: Metrics;
beforeEach(() => {
  events = createGatewayEvents();
  metrics = createMetrics({ events, queue, build });
});
afterEach(() => metrics.close());

/** What the line says with exactly this name and labels. */
async function sample(line: string): Promise<number | undefined> {
  const found = (await metrics.text()).split('\n').find((each) => each.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}

describe('the metrics', () => {
  it('count an answered request by model, cut and stage, in seconds and bytes', async () => {
    events.emit('request-finished', finished);
    events.emit('request-finished', { ...finished, totalMs: 3000 });
    const labels = 'model="net",version="2",via="mqtt"';
    expect(await sample(`cutpoint_requests_total{${labels},cut="abc"}`)).toBe(2);
    expect(await sample(`cutpoint_request_duration_seconds_sum{${labels}}`)).toBeCloseTo(3.012);
    expect(await sample(`cutpoint_request_duration_seconds_bucket{le="0.025",${labels}}`)).toBe(1);
    expect(
      await sample('cutpoint_stage_duration_seconds_sum{model="net",version="2",stage="queue"}'),
    ).toBeCloseTo(0.008);
    expect(await sample(`cutpoint_payload_bytes_total{${labels},direction="in"}`)).toBe(1800);
  });

  it('count what the next stages did not answer by code, and time what they did', async () => {
    events.emit('request-handed-on', { request, elapsedMs: 40 });
    events.emit('request-handed-on', { request, elapsedMs: 900, code: 'gateway-unavailable' });
    const labels = 'model="net",version="2"';
    expect(await sample(`cutpoint_hand_on_duration_seconds_sum{${labels}}`)).toBeCloseTo(0.04);
    expect(await sample(`cutpoint_hand_on_failures_total{${labels},code="gateway-unavailable"}`)).toBe(1);
    expect(await metrics.text()).not.toMatch(/camera-17|acme/);
  });

  it('count refusals by code, under no name that the device chose', async () => {
    events.emit('request-refused', { request, code: 'overloaded', wasAdmitted: false, elapsedMs: 2 });
    const stranger = { ...request, model: 'made-up-by-a-device', version: undefined };
    events.emit('request-refused', {
      request: stranger,
      code: 'model-unknown',
      wasAdmitted: false,
      elapsedMs: 1,
    });
    const tail = 'via="mqtt",code="model-unknown",admitted="false"';
    expect(await sample(`cutpoint_refusals_total{model="",version="",${tail}}`)).toBe(1);
    expect(await sample('cutpoint_refusal_duration_seconds_count{code="overloaded"}')).toBe(1);
    expect(await metrics.text()).not.toMatch(/made-up|camera-17|acme/);
  });

  it('say how full batches are, and whether cuts join', async () => {
    const ran = { model: 'net', version: '2', executor: 'cuda:0', provider: 'cuda', runMs: 8 } as const;
    events.emit('batch-ran', { ...ran, size: 12, cuts: 3, batching: 'mixed' });
    const labels = 'model="net",version="2",batching="mixed"';
    expect(await sample(`cutpoint_batch_requests_bucket{le="8",${labels}}`)).toBe(0);
    expect(await sample(`cutpoint_batch_requests_bucket{le="16",${labels}}`)).toBe(1);
    expect(await sample('cutpoint_batch_cuts_sum{model="net",version="2"}')).toBe(3);
  });

  it('follow models and executors through their states', async () => {
    const model = { model: 'net', version: '2', digest: 'd' } as const;
    events.emit('model-changed', { ...model, state: 'loading' });
    events.emit('model-changed', { ...model, state: 'ready' });
    expect(await sample('cutpoint_model_state{model="net",version="2",state="ready"}')).toBe(1);
    expect(await sample('cutpoint_model_state{model="net",version="2",state="loading"}')).toBe(0);
    events.emit('model-changed', { ...model, state: 'unloaded' });
    expect(await sample('cutpoint_model_state{model="net",version="2",state="ready"}')).toBeUndefined();
    events.emit('executor-changed', { executor: 'gpu:0', provider: 'cuda', state: 'ready' });
    events.emit('executor-changed', { executor: 'gpu:0', provider: 'cuda', state: 'hung' });
    events.emit('executor-changed', { executor: 'gpu:0', provider: 'cpu', state: 'ready' });
    expect(await sample('cutpoint_executor_up{executor="gpu:0",provider="cpu"}')).toBe(1);
    expect(await sample('cutpoint_executor_up{executor="gpu:0",provider="cuda"}')).toBeUndefined();
    expect(await sample('cutpoint_executor_failures_total{executor="gpu:0",reason="hung"}')).toBe(1);
  });

  it('ask the queue at each scrape, and name the build', async () => {
    expect(await sample('cutpoint_queue_wait_seconds')).toBe(0.25);
    expect(await sample('cutpoint_queue_requests')).toBe(3);
    expect(await sample('cutpoint_build_info{version="1.2.3",node="24.0.0",onnxruntime="1.30.0"}')).toBe(1);
    expect(await metrics.text()).toContain('process_resident_memory_bytes');
  });
});
