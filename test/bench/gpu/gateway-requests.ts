/** Requests as devices would send them: what crosses each cut of a served model, as frames. */
import type { ServedModel } from '../../../cloud-gateway/src/models/served-model.ts';
import { type CodecProfile, createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import type { IncomingRequest } from '../../../sdk/src/transport/request-job.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { SHAPE } from '../split/plain.ts';

export type Template = Omit<IncomingRequest, 'id' | 'device' | 'arrivedMs' | 'signal' | 'deadlineMs'>;

/** One for each announced cut, of a picture of its own. */
export async function makeRequests(model: ServedModel, profile: CodecProfile): Promise<readonly Template[]> {
  const codec = createCodec({ deflate: deflateNode() });
  const [executor] = model.executorNames;
  const replica = model.replicaOn(executor ?? '');
  const fetches = model.outputs.map(({ name }) => name);
  const templates: Template[] = [];
  for (const [seed, { id }] of model.announcement.cuts.entries()) {
    const { cut } = model.crossing(id);
    if (cut === undefined) continue;
    const feeds = { input: randomTensor(randomNumbers(seed + 1), SHAPE) };
    const { values } = await replica.run({ to: cut, feeds, fetches: cut.tensors.map(({ name }) => name) });
    const tensors = [];
    for (const [name, tensor] of Object.entries(values))
      tensors.push({ name, frame: await codec.encode(tensor, profile) });
    const { name, digest } = model;
    templates.push({
      model: name,
      digest,
      cut: id,
      tensors,
      fetches,
      replyProfile: 'float32',
      isSealed: false,
    });
  }
  return templates;
}
