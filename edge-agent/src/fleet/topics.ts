/**
 * The agent's own topics, beside those of the protocol (`docs/protocol.md`). The device's id stands in each, so that a broker
 * can hold every device to its own.
 */
import { modelLevel } from '@cutpoint/sdk/gateway';

export interface AgentTopics {
  /** Presence, retained; also the will. Written by the device, as all that follow unless they say otherwise. */
  readonly status: string;
  /** What is, retained. */
  readonly reported: string;
  /** What shall be, retained; written by the fleet. */
  readonly desired: string;
  readonly health: string;
  /** Commands, written by the fleet, and the answers to them. */
  readonly command: string;
  readonly answer: string;
  /** Ranges of bundles: asked for by the device, given by whoever serves them. */
  readonly get: string;
  readonly got: string;
  /** What the device says to itself, to know that the broker has what came before. */
  readonly echo: string;
  /** A model's inputs, written by applications, and its results. */
  input(model: string): string;
  result(model: string): string;
  readonly allInputs: string;
}

export function agentTopics(namespace: string, device: string): AgentTopics {
  const own = `${namespace}/edge/${device}`;
  return {
    status: `${own}/st`,
    reported: `${own}/reported`,
    desired: `${own}/desired`,
    health: `${own}/health`,
    command: `${own}/cmd`,
    answer: `${own}/ack`,
    get: `${own}/get`,
    got: `${own}/got`,
    echo: `${own}/echo`,
    input: (model) => `${own}/in/${modelLevel(model)}`,
    result: (model) => `${own}/out/${modelLevel(model)}`,
    allInputs: `${own}/in/+`,
  };
}

export const DEFAULT_NAMESPACE = 'cutpoint';
