/** Inputs that come over MQTT: a request of the Open Inference Protocol on the model's topic, its result on another. */
import { SplitError } from '@cutpoint/sdk';
import type { Subscription, Transport } from '@cutpoint/sdk/gateway';
import { type InferBody, splitInferBody } from '@cutpoint/sdk/oip';
import type { AgentTopics } from '../fleet/topics.ts';

export interface MqttInputsOptions {
  readonly transport: Transport;
  readonly topics: AgentTopics;
  readonly models: readonly string[];
  /** Ends in a result or a failure on the model's topic; never rejects. */
  readonly onInput: (model: string, body: InferBody) => Promise<void>;
  readonly onRefused: (model: string, error: SplitError) => void;
}

/** Most requests in hand at a time; more are refused, as the session's own queue would. */
const MAX_IN_HAND = 64;

export async function openMqttInputs(options: MqttInputsOptions): Promise<Subscription> {
  const { topics } = options;
  const models = new Map(options.models.map((model) => [topics.input(model), model]));
  let inHand = 0;
  return await options.transport.subscribe(topics.allInputs, (topic, payload) => {
    const model = models.get(topic);
    if (model === undefined) return;
    try {
      if (inHand >= MAX_IN_HAND)
        throw new SplitError('overloaded', `${MAX_IN_HAND} requests are in hand already`);
      const body = splitInferBody(payload, undefined);
      inHand += 1;
      void options.onInput(model, body).finally(() => {
        inHand -= 1;
      });
    } catch (error) {
      options.onRefused(model, error as SplitError);
    }
  });
}
