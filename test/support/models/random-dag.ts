/** Random directed graphs of float32[2] values, for laws about cuts. Some nodes are Ifs whose branches capture values. */
import fc from 'fast-check';
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';

export interface DagSpec {
  /** For each node, what it reads, as indices into the values before it (modulo their number). */
  readonly reads: readonly (readonly number[])[];
  /** Whether a node reads its last value through the branches of an If. */
  readonly captures: readonly boolean[];
  /** Names of values that are outputs of the model. */
  readonly outputs: readonly string[];
}

export function dagSpec(maxNodes: number): fc.Arbitrary<DagSpec> {
  const reads = fc.array(fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: maxNodes,
  });
  return reads.chain((list) =>
    fc.record({
      reads: fc.constant(list),
      captures: fc.array(fc.boolean(), { minLength: list.length, maxLength: list.length }),
      outputs: fc.subarray(
        list.map((_, i) => `v${i}`),
        { minLength: 1 },
      ),
    }),
  );
}

/** Inputs are `a` and `b`, the condition of all Ifs is the weight `yes`, node i makes `v<i>`. */
export function dagModel({ reads, captures, outputs }: DagSpec): Uint8Array {
  const builder = new GraphBuilder();
  const names = [builder.input('a', 'float32', [2]), builder.input('b', 'float32', [2])];
  builder.initializer('yes', { type: 'bool', data: Uint8Array.of(1), dims: [] });
  for (const [i, picks] of reads.entries()) {
    const inputs = picks.map((pick) => names[pick % names.length] ?? 'a');
    if (captures[i]) addIf(builder, i, inputs);
    else builder.node('Sum', inputs, {}, { outputs: [`v${i}`] });
    names.push(`v${i}`);
  }
  for (const name of outputs) builder.output(name);
  return builder.toBytes();
}

function addIf(builder: GraphBuilder, index: number, inputs: readonly string[]): void {
  const branch = new GraphBuilder(`branch${index}`);
  branch.output(branch.node('Sum', inputs, {}, { outputs: [`inner${index}`] }));
  const branches = { then_branch: { graph: branch }, else_branch: { graph: branch } };
  builder.node('If', ['yes'], branches, { outputs: [`v${index}`] });
}
