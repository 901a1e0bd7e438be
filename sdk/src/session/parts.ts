/** What a session is made of; create.ts puts it together, the run-*.ts files read it. */
import type { Controller } from '../adaptive/controller.ts';
import type { AuditTrail } from '../audit/trail.ts';
import type { Clock } from '../clock.ts';
import type { Codec } from '../codec/codec.ts';
import type { SplitError } from '../errors.ts';
import type { PlacementGate } from '../placement/gate.ts';
import type { Arm } from '../planner/arm.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { Announcement, RequestClient } from '../transport/request-client.ts';
import type { NoiseStage } from './noise-stage.ts';
import type { SplitModel } from './open-model.ts';
import type { ResolvedOptions } from './options.ts';
import type { Pace } from './pace.ts';
import type { PlannedTables } from './planned-tables.ts';
import type { ReferenceFrames } from './reference-frames.ts';

export interface SessionParts {
  readonly options: ResolvedOptions;
  readonly model: SplitModel;
  readonly executor: Executor;
  readonly client: RequestClient;
  readonly codec: Codec;
  readonly controller: Controller;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly references: ReferenceFrames;
  /** Over all that is sent; absent without noise. */
  readonly noise?: NoiseStage | undefined;
  /** Without a plan there are none. */
  readonly tables: PlannedTables;
  /** A plan told what the arms cost: nothing is left to be found out by a first run. */
  readonly isPlanned: boolean;
  /** What runs the model, as the runtime says. */
  readonly runtime: string;
  /** Arms that the rules allow. */
  readonly arms: readonly Arm[];
  /** Why the policy took an arm away; `undefined` for one that it did not. Writes that down. */
  denied(arm: string): SplitError | undefined;
  /** Which class of data the requests say they are, where a policy tells classes apart. */
  readonly dataClass?: string | undefined;
  readonly trail: AuditTrail;
  /** Which gateways the policy lets the session ask, or have asked; absent without a policy. */
  readonly gate?: PlacementGate | undefined;
  /** The gateway whose tails' times the controller has taken over, and the announcement that it heard last. */
  readonly known: { gateway?: string; announcement?: Announcement };
  /** Frees what lies below: transport and runtime. */
  close(): Promise<void>;
}
