/** An arm of several cuts in one profile: what crosses each of them is sent as it would be, and the outputs are compared. */
import type { Codec, CodecProfile } from '../codec/codec.ts';
import type { Cut } from '../cut/cut.ts';
import { armId } from '../planner/arm.ts';
import { type CalibratedWay, isOverBudget } from '../planner/calibration.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { type CutJob, lossOf, measuredChange } from './calibrate-arm.ts';
import { changeOf } from './calibrate-change.ts';

/** Where a request changes machines, in the model's order. */
export interface WayCuts {
  /** The device's head ends here; absent for the model's input. */
  readonly cut: Cut | undefined;
  /** Gateways hand on here. */
  readonly via: readonly Cut[];
  /** The device goes on here. */
  readonly to: Cut | undefined;
}

export type WayJob = Omit<CutJob, 'cut' | 'book'> & { readonly way: WayCuts };

export async function measureWay(job: WayJob, profile: CodecProfile): Promise<CalibratedWay> {
  const found: Tensors[] = [];
  for (const [place] of job.inputs.entries()) found.push(await outputsOf(job, profile, place));
  const changes = found.map((outputs, place) => changeOf(job.expected[place] ?? {}, outputs, job.fetches));
  const change = measuredChange(changes);
  const accuracyLoss = await lossOf(job, found, change);
  return {
    id: wayId(job.way, profile),
    ...change,
    accuracyLoss,
    refused: isOverBudget(accuracyLoss, job.budget),
  };
}

export function wayId({ cut, via, to }: WayCuts, profile: CodecProfile): string {
  return armId(profile, { from: cut?.id ?? 'input', via: via.map(({ id }) => id), to: to?.id });
}

/** As machine after machine makes them, each from what arrived. */
async function outputsOf(job: WayJob, profile: CodecProfile, place: number): Promise<Tensors> {
  const { executor, codec, fetches, signal, way } = job;
  const head = job.crossing[place] ?? {};
  // What the head makes stays on the device, as it is.
  const outputs: Record<string, Tensor> = { ...job.expected[place] };
  const made = new Set(way.cut?.headOutputs);
  let from = way.cut;
  let values = await travelled(codec, head, profile);
  for (const stop of [...way.via, way.to]) {
    const own = fetches.filter((name) => !made.has(name) && (stop?.headOutputs.includes(name) ?? true));
    const crossing = stop?.tensors.map(({ name }) => name) ?? [];
    const all = [...new Set([...own, ...crossing])];
    const run =
      all.length > 0
        ? await executor.run({ from, to: stop, feeds: values, fetches: all, signal })
        : undefined;
    for (const name of own) {
      outputs[name] = run?.values[name] as Tensor;
      made.add(name);
    }
    if (stop === undefined) return outputs;
    // Of what comes back the device has some already, as it was.
    const kept = stop === way.to ? pick(head, crossing) : {};
    const sent = pick(
      run?.values ?? {},
      crossing.filter((name) => !(name in kept)),
    );
    values = { ...kept, ...(await travelled(codec, sent, profile)) };
    from = stop;
  }
  const last = fetches.filter((name) => !made.has(name));
  if (last.length === 0) return outputs;
  const run = await executor.run({ from, feeds: values, fetches: last, signal });
  return { ...outputs, ...run.values };
}

async function travelled(codec: Codec, values: Tensors, profile: CodecProfile): Promise<Tensors> {
  const arrived: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(values))
    arrived[name] = await codec.decode(await codec.encode(tensor, profile), {
      maxBytes: tensor.data.byteLength,
    });
  return arrived;
}

function pick(values: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(names.flatMap((name) => (values[name] ? [[name, values[name]]] : [])));
}
