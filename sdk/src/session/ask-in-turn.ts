/** A pipeline whose first gateway fails is asked for at another that runs the same stage, while there is time. */
import { asSplitError, type ErrorCode } from '../errors.ts';
import { askCloud, type Question } from './ask-cloud.ts';
import type { SessionParts } from './parts.ts';
import { tailsFor } from './route.ts';
import type { RunArguments } from './run-arguments.ts';
import type { Answer } from './run-local.ts';

/** What another gateway may do better. */
const OF_THE_GATEWAY: ReadonlySet<ErrorCode> = new Set([
  'gateway-unavailable',
  'overloaded',
  'runtime-failed',
]);

/** @throws SplitError what the last one asked said */
export async function askInTurn(
  parts: SessionParts,
  args: RunArguments,
  question: Question,
): Promise<Answer> {
  const tried = new Set<string>();
  let { gateway } = question;
  for (;;) {
    tried.add(gateway);
    try {
      return await askCloud(parts, args, { ...question, gateway });
    } catch (error) {
      const next = nextGateway(parts, question, tried);
      const hasTime = parts.clock.nowMs() < question.deadlineAtMs && !args.options.signal?.aborted;
      if (next === undefined || !hasTime || !OF_THE_GATEWAY.has(asSplitError(error).code)) throw error;
      gateway = next;
    }
  }
}

function nextGateway(parts: SessionParts, { arm }: Question, tried: ReadonlySet<string>): string | undefined {
  if (arm.via === undefined) return undefined;
  return tailsFor(parts, arm).find(({ gateway }) => !tried.has(gateway))?.gateway;
}
