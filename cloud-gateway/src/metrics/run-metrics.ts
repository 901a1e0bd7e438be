/** What runs: batches, models and their states, executors and the provider that was seen to run. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { GatewayEvents } from '../events.ts';
import { BATCH_CUTS, BATCH_SIZES, MS_PER_SECOND, SECONDS } from './buckets.ts';

export function countBatches(registry: Registry, events: GatewayEvents): readonly (() => void)[] {
  const registers = [registry];
  const sizes = new Histogram({
    name: 'cutpoint_batch_requests',
    help: 'Requests in one run; batching says whether different cuts join: mixed, per-cut or none.',
    labelNames: ['model', 'version', 'batching'],
    buckets: BATCH_SIZES,
    registers,
  });
  const cuts = new Histogram({
    name: 'cutpoint_batch_cuts',
    help: 'Different cuts in one run.',
    labelNames: ['model', 'version'],
    buckets: BATCH_CUTS,
    registers,
  });
  const seconds = new Histogram({
    name: 'cutpoint_batch_duration_seconds',
    help: 'What one run took, by the executor and the provider that ran it.',
    labelNames: ['model', 'version', 'executor', 'provider'],
    buckets: SECONDS,
    registers,
  });
  const stop = events.on('batch-ran', (batch) => {
    const { model, version, executor, provider, batching } = batch;
    sizes.observe({ model, version, batching }, batch.size);
    cuts.observe({ model, version }, batch.cuts);
    seconds.observe({ model, version, executor, provider }, batch.runMs / MS_PER_SECOND);
  });
  return [stop];
}

const MODEL_STATES = ['loading', 'ready', 'retiring', 'failed'] as const;

export function countModels(registry: Registry, events: GatewayEvents): readonly (() => void)[] {
  const states = new Gauge({
    name: 'cutpoint_model_state',
    help: '1 for the state that a version of a model is in: loading, ready, retiring, failed.',
    labelNames: ['model', 'version', 'state'],
    registers: [registry],
  });
  const ranks = new Gauge({
    name: 'cutpoint_model_ranks',
    help: 'Ranks over which the model is parted; 1 where each executor has the whole model.',
    labelNames: ['model', 'version'],
    registers: [registry],
  });
  const stop = events.on('model-changed', ({ model, version, state: now, ranks: parts }) => {
    const isServed = now === 'ready' || now === 'retiring';
    for (const state of MODEL_STATES) {
      if (now === 'unloaded') states.remove({ model, version, state });
      else states.set({ model, version, state }, state === now ? 1 : 0);
    }
    if (now === 'unloaded') ranks.remove({ model, version });
    else if (isServed) ranks.set({ model, version }, parts ?? 1);
  });
  return [stop];
}

export function countExecutors(registry: Registry, events: GatewayEvents): readonly (() => void)[] {
  const registers = [registry];
  const up = new Gauge({
    name: 'cutpoint_executor_up',
    help: '1 while the executor is ready; provider is the one that was seen to run.',
    labelNames: ['executor', 'provider'],
    registers,
  });
  const failures = new Counter({
    name: 'cutpoint_executor_failures_total',
    help: 'How often an executor crashed or hung and was replaced.',
    labelNames: ['executor', 'reason'],
    registers,
  });
  const providers = new Map<string, string>();
  const stop = events.on('executor-changed', ({ executor, provider, state }) => {
    const before = providers.get(executor);
    if (before !== undefined && before !== provider) up.remove({ executor, provider: before });
    if (state === 'stopped') {
      providers.delete(executor);
      up.remove({ executor, provider });
      return;
    }
    providers.set(executor, provider);
    up.set({ executor, provider }, state === 'ready' ? 1 : 0);
    if (state === 'crashed' || state === 'hung') failures.inc({ executor, reason: state });
  });
  return [stop];
}
