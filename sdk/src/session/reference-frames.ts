/**
 * What the session's next frames can build on: the last tensors of one cut that one gateway is known to have, because it
 * answered the request that brought them. Another gateway, cut or profile starts anew; so does a gateway that lost them.
 */
import type { Reference } from '../codec/codec.ts';
import type { SplitArm } from '../planner/arm.ts';

export type References = ReadonlyMap<string, Reference>;

export interface ReferenceFrames {
  /** By tensor name; empty when the frames must stand alone. */
  known(way: FrameWay): References;
  /** A number for the frames that are about to be sent: later ones count more, whichever is answered first. */
  nextNumber(): number;
  /** The gateway answered the request with these. */
  acknowledge(way: FrameWay, sent: { readonly number: number; readonly references: References }): void;
  forget(): void;
}

/** Where frames go and how. */
export interface FrameWay {
  readonly gateway: string;
  readonly arm: SplitArm;
}

const NONE: References = new Map();

export function createReferenceFrames(): ReferenceFrames {
  let way = '';
  let held = { number: 0, references: NONE };
  let last = 0;
  /** Answers to requests from before are not believed: what they brought is lost. */
  let forgottenUpTo = 0;

  function forget(): void {
    held = { number: 0, references: NONE };
    forgottenUpTo = last;
  }

  return {
    known: (wanted) => (keyOf(wanted) === way ? held.references : NONE),
    nextNumber: () => ++last,
    acknowledge: (sentWay, sent) => {
      if (sent.references.size === 0 || sent.number <= Math.max(held.number, forgottenUpTo)) return;
      way = keyOf(sentWay);
      held = sent;
    },
    forget,
  };
}

function keyOf({ gateway, arm }: FrameWay): string {
  return JSON.stringify([gateway, arm.id]);
}
