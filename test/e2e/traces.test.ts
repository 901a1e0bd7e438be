/** A session's run and what the gateway did for it are one trace: the collector gets both, joined through the message. */
import { createServer, type Server } from 'node:http';
import { createSplitSession } from '@cutpoint/sdk/node';
import { openTelemetryTracer } from '@cutpoint/sdk/opentelemetry';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

describe('traces', () => {
  const collected: CollectedSpan[] = [];
  let collector: Server;
  let models: ModelFolder;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    collector = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        resourceSpans: { scopeSpans: { spans: CollectedSpan[] }[] }[];
      };
      for (const { scopeSpans } of body.resourceSpans)
        for (const { spans } of scopeSpans) collected.push(...spans);
      response.setHeader('content-type', 'application/json').end('{}');
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', () => resolve()));
    const { port } = collector.address() as { port: number };
    models = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: [1, 3, 32, 32] } } });
    const traces = { CUTPOINT_TRACES_URL: `http://127.0.0.1:${port}/v1/traces` };
    gateway = await startGatewayProcess(
      ['--models', models.path, '--listen', '127.0.0.1:0', '--threads', '1'],
      {
        env: { ...process.env, ...traces },
      },
    );
  });
  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    collector?.close();
    await models?.remove();
  });

  it('join the device’s span and the gateway’s, stage by stage', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
    const session = await createSplitSession(models.model('net'), {
      ...{ broker: gateway.broker, model: 'net', threads: 1 },
      tracer: openTelemetryTracer(provider.getTracer('test')),
    });
    const feeds = { input: { type: 'float32', dims: [1, 3, 32, 32], data: new Float32Array(3072) } } as const;
    await session.run(feeds);
    const split = session.arms.find((arm) => arm.kind === 'split' && arm.cut.position > 0);
    await session.run(feeds, { arm: split?.id as string, deadlineMs: 10_000 });
    await expect(session.run(feeds, { arm: 'none' })).rejects.toMatchObject({ code: 'options-invalid' });
    await session.release();
    // What the gateway recorded goes out before it ends.
    await gateway.kill('SIGTERM');

    const spans = exporter.getFinishedSpans();
    const runs = spans.filter(({ name }) => name === 'cutpoint.run');
    expect(runs.map(({ attributes }) => attributes['cutpoint.arm'])).toEqual([
      'device',
      split?.id,
      undefined,
    ]);
    expect(runs[2]?.attributes['error.type']).toBe('options-invalid');
    const run = runs[1]?.spanContext();
    const below = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === run?.spanId);
    expect(below.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['cutpoint.head', 'cutpoint.encode']),
    );

    // Only what was sent reached the gateway, under the run that sent it.
    const inGateway = collected.filter(({ name }) => name === 'cutpoint.gateway');
    expect(inGateway.map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual([
      [run?.traceId, run?.spanId],
    ]);
    const stages = collected.filter(({ parentSpanId }) => parentSpanId === inGateway[0]?.spanId);
    expect(stages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['cutpoint.decode', 'cutpoint.tail']),
    );
    const inside = ({ startTimeUnixNano, endTimeUnixNano }: CollectedSpan) =>
      BigInt(startTimeUnixNano) >= BigInt(inGateway[0]?.startTimeUnixNano ?? 0) &&
      BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano);
    expect(stages.every(inside)).toBe(true);
    await provider.shutdown();
  });
});
