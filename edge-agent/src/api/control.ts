/** What `cutpoint-edge` asks of a running agent: on the Unix socket only, whose file mode says who may. */
import { SplitError } from '@cutpoint/sdk';
import type { InferBody } from '@cutpoint/sdk/oip';
import { describeIssues } from '@cutpoint/sdk/program';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { UpdateOutcome } from '../models/slots-file.ts';
import type { AgentStatus } from '../status.ts';

export interface Control {
  status(): Promise<AgentStatus>;
  /** @param bundle a folder, `https://…` or `mqtt:FOLDER` */
  update(model: string, bundle: string): Promise<UpdateOutcome>;
  rollBack(model: string): Promise<UpdateOutcome>;
}

const updateSchema = z.strictObject({ model: z.string(), bundle: z.string().min(1) });
const rollBackSchema = z.strictObject({ model: z.string() });

export function addControl(app: FastifyInstance, control: Control): void {
  app.get('/control/status', async () => control.status());
  app.post('/control/update', async ({ body }) => {
    const { model, bundle } = read(updateSchema, body);
    return await control.update(model, bundle);
  });
  app.post('/control/rollback', async ({ body }) => control.rollBack(read(rollBackSchema, body).model));
}

/** Bodies come parsed as those of inferences are: JSON, and bytes behind it. */
function read<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse((body as InferBody).json);
  if (parsed.success) return parsed.data;
  throw new SplitError('options-invalid', describeIssues(parsed.error));
}
