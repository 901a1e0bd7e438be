/** Commands from afar. Each has a transaction id, which its answer repeats; one that comes twice is done once. */
import { asSplitError } from '@cutpoint/sdk';
import { z } from 'zod';
import { decodeJson } from './json-message.ts';

export const commandSchema = z.strictObject({
  transaction: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 letters, digits, "_" or "-"'),
  command: z.enum(['ping', 'status', 'doctor', 'logs', 'rollback', 'update', 'restart']),
  model: z.string().optional(),
  /** For `update`: `https://…/` or `mqtt:FOLDER`. */
  bundle: z.string().optional(),
  /** For `logs`. */
  lines: z.int().min(1).max(200).optional(),
});
export type Command = z.output<typeof commandSchema>;

export interface Answer {
  readonly transaction: string | null;
  readonly command?: Command['command'];
  readonly outcome: 'done' | 'refused';
  readonly reason?: string;
  readonly result?: unknown;
}

/** What each command does; what it gives is the answer's `result`. */
export type CommandWork = (command: Command) => Promise<unknown>;

const REMEMBERED = 256;

/** @returns the answer, or nothing for a repeated command whose first is still being done */
export function createCommands(work: CommandWork): (payload: Uint8Array) => Promise<Answer | undefined> {
  const answers = new Map<string, Answer | undefined>();
  return async (payload) => {
    let command: Command;
    try {
      command = decodeJson(payload, commandSchema);
    } catch (error) {
      return { transaction: null, outcome: 'refused', reason: asSplitError(error).message };
    }
    const { transaction } = command;
    if (answers.has(transaction)) return answers.get(transaction);
    answers.set(transaction, undefined);
    if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value as string);
    const answer = await done(command, work);
    answers.set(transaction, answer);
    return answer;
  };
}

async function done(command: Command, work: CommandWork): Promise<Answer> {
  const { transaction } = command;
  try {
    const result = await work(command);
    return {
      transaction,
      command: command.command,
      outcome: 'done',
      ...(result !== undefined && { result }),
    };
  } catch (error) {
    const { code, message } = asSplitError(error);
    return { transaction, command: command.command, outcome: 'refused', reason: `${code}: ${message}` };
  }
}
