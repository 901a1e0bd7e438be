/** If nodes: of two branches that make the same values one is computed. */
import { type Encoded, type GraphParts, writeGraph } from '../onnx/model.ts';
import { nodeProto } from '../onnx/node-proto.ts';
import { valueInfoBytes } from '../onnx/value-info.ts';
import type { WireWriter } from '../onnx/wire-writer.ts';
import type { Tensor, TensorType } from '../tensor.ts';

/** A value that both branches make. */
export interface Branched {
  readonly name: string;
  readonly type: TensorType;
}

/** What a branch holds, given the names that it must make, in the order of the If's outputs. */
export type Branch = (outputs: readonly Branched[]) => BranchParts;

export interface BranchParts extends Partial<Pick<GraphParts, 'initializers' | 'sparseInitializers'>> {
  readonly nodes: Iterable<Encoded>;
  /** Other names for the outputs, where a branch makes them under names of its own. */
  readonly outputs?: readonly string[];
}

/** @param condition name of a scalar bool */
export function ifNode(
  condition: string,
  outputs: readonly Branched[],
  branches: { readonly whenTrue: Branch; readonly whenFalse: Branch },
): WireWriter {
  return nodeProto({
    opType: 'If',
    inputs: [condition],
    outputs: outputs.map(({ name }) => name),
    attributes: {
      then_branch: { graph: subgraph(outputs, '+', branches.whenTrue) },
      else_branch: { graph: subgraph(outputs, '-', branches.whenFalse) },
    },
  });
}

/** Names inside a branch differ from those around it and in the other branch. */
function subgraph(outputs: readonly Branched[], suffix: string, branch: Branch) {
  const inner = outputs.map(({ name, type }) => ({ name: `${name}${suffix}`, type }));
  const { nodes, outputs: made, initializers = [], sparseInitializers = [] } = branch(inner);
  // Types without shapes: the runtime infers them, and the branches may differ in theirs.
  const values = inner.map(({ name, type }, i) =>
    valueInfoBytes({ name: made?.[i] ?? name, type, shape: null }),
  );
  return {
    toGraphProto: () =>
      writeGraph({
        name: `${outputs[0]?.name ?? ''}${suffix}`,
        nodes,
        initializers,
        sparseInitializers,
        inputs: [],
        outputs: values,
      }),
  };
}

export function copyNode(from: string, to: string): WireWriter {
  return nodeProto({ opType: 'Identity', inputs: [from], outputs: [to] });
}

export function constantNode(tensor: Tensor, output: string): WireWriter {
  return nodeProto({ opType: 'Constant', inputs: [], outputs: [output], attributes: { value: { tensor } } });
}
