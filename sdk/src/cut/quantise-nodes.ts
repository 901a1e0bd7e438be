/**
 * Nodes that make bytes of floats, for a runtime on a graphics processor: a quarter of the bytes leaves it.
 * value = (symbol - zeroPoint) * scale from the least value to the greatest, as the codec's uint8 format has it. All
 * arithmetic is float32, so that a symbol may differ by one from the codec's where a value lies between two.
 */
import { nodeProto } from '../onnx/node-proto.ts';
import type { WireWriter } from '../onnx/wire-writer.ts';
import { TENSOR_TYPES, type Tensor } from '../tensor.ts';

/**
 * How the symbols leave: as uint8, or four in an int32, the first in the lowest byte, for runtimes without a kernel that
 * makes bytes. The last word is filled up with zeros.
 */
export type SymbolForm = 'bytes' | 'words';

export interface QuantisedNames {
  readonly symbols: string;
  /** float32 of STATISTICS.length elements. */
  readonly statistics: string;
  /** int64: the dimensions of the value. */
  readonly shape: string;
}

/** What `statistics` holds, in order. The sum is finite only if all values are. */
export const STATISTICS = ['min', 'max', 'sum', 'scale', 'zeroPoint'] as const;

export interface QuantiseStyle {
  readonly form: SymbolForm;
  /** Version of ONNX's operators, 11 or later. */
  readonly opset: number;
}

const MAX_SYMBOL = 255;

/**
 * For models from version 11 of ONNX's operators on. Names inside begin with that of the symbols.
 * @param value of type float32 or float16
 */
export function quantiseNodes(value: string, names: QuantisedNames, style: QuantiseStyle): WireWriter[] {
  const chain = new NodeChain(`${names.symbols}_`);
  const x = chain.add('Cast', [value], { to: TENSOR_TYPES.float32.onnx });
  const [min, max, sum] = REDUCTIONS.map((op) => addReduction(chain, op, { value: x, style }));
  const { scale, zeroPoint } = addFit(chain, min as string, max as string);
  const half = chain.add('Add', [zeroPoint, chain.float(0.5)]);
  const steps = chain.add('Add', [chain.add('Div', [x, scale]), half]);
  const least = chain.add('Max', [chain.add('Floor', [steps]), chain.float(0)]);
  const symbols = chain.add('Min', [least, chain.float(MAX_SYMBOL)]);
  addSymbols(chain, symbols, { output: names.symbols, form: style.form });
  const scalars = [min, max, sum, scale, zeroPoint].map((name) =>
    chain.add('Reshape', [name as string, chain.ints([1])]),
  );
  chain.add('Concat', scalars, { axis: 0 }, names.statistics);
  chain.add('Shape', [value], {}, names.shape);
  return chain.nodes;
}

const REDUCTIONS = ['ReduceMin', 'ReduceMax', 'ReduceSum'] as const;

/** In two steps for WebGPU, which gives each result of a reduction to one group of threads. */
function addReduction(
  chain: NodeChain,
  op: (typeof REDUCTIONS)[number],
  { value, style: { form, opset } }: { readonly value: string; readonly style: QuantiseStyle },
): string {
  const whole = (name: string) => chain.add(op, [name], { keepdims: 0 });
  if (form === 'bytes') return whole(value);
  // With a first dimension of one, so that scalars and vectors have a last one to leave.
  const rows =
    opset >= 13
      ? chain.add('Unsqueeze', [value, chain.ints([0])])
      : chain.add('Unsqueeze', [value], { axes: [0] });
  const takesInput = opset >= (op === 'ReduceSum' ? 13 : 18);
  if (takesInput) return whole(chain.add(op, [rows, chain.ints([-1])], { keepdims: 0 }));
  return whole(chain.add(op, [rows], { axes: [-1], keepdims: 0 }));
}

/** Scale and zero point of a range; a whole number where zero lies inside, so that zero stays zero. */
function addFit(chain: NodeChain, min: string, max: string): { scale: string; zeroPoint: string } {
  const scale = chain.add('Div', [chain.add('Sub', [max, min]), chain.float(MAX_SYMBOL)]);
  const exact = chain.add('Div', [chain.add('Neg', [min]), scale]);
  const whole = chain.add('Floor', [chain.add('Add', [exact, chain.float(0.5)])]);
  const zero = chain.float(0);
  const hasZero = chain.add('And', [chain.add('Less', [min, zero]), chain.add('Greater', [max, zero])]);
  return { scale, zeroPoint: chain.add('Where', [hasZero, whole, exact]) };
}

function addSymbols(
  chain: NodeChain,
  symbols: string,
  { output, form }: { readonly output: string; readonly form: SymbolForm },
): void {
  if (form === 'bytes') {
    chain.add('Cast', [symbols], { to: TENSOR_TYPES.uint8.onnx }, output);
    return;
  }
  const flat = chain.add('Reshape', [symbols, chain.ints([-1])]);
  const longer = chain.add('Concat', [flat, chain.floats([0, 0, 0])], { axis: 0 });
  const words = chain.add('Div', [chain.add('Shape', [longer]), chain.ints([4])]);
  const end = chain.add('Mul', [words, chain.ints([4])]);
  const filled = chain.add('Slice', [longer, chain.ints([0]), end]);
  const grouped = chain.add('Reshape', [filled, chain.ints([-1, 4])]);
  const integers = chain.add('Cast', [grouped], { to: TENSOR_TYPES.int32.onnx });
  const placed = chain.add('Mul', [integers, chain.words([1, 2 ** 8, 2 ** 16, 2 ** 24])]);
  const [a, b, c, d] = [0, 1, 2, 3].map((byte) =>
    chain.add('Slice', [placed, chain.ints([byte]), chain.ints([byte + 1]), chain.ints([1])]),
  ) as [string, string, string, string];
  chain.add('Add', [chain.add('Add', [a, b]), chain.add('Add', [c, d])], {}, output);
}

type Attributes = Parameters<typeof nodeProto>[0]['attributes'];

/** Nodes one after the other, whose values need no names. */
class NodeChain {
  readonly nodes: WireWriter[] = [];
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** @returns the name of what the node makes */
  add(
    opType: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    output = this.#fresh(),
  ): string {
    this.nodes.push(nodeProto({ opType, inputs, outputs: [output], attributes: attributes ?? {} }));
    return output;
  }

  float(value: number): string {
    return this.#constant({ type: 'float32', dims: [], data: Float32Array.of(value) });
  }

  floats(values: readonly number[]): string {
    return this.#constant({ type: 'float32', dims: [values.length], data: Float32Array.from(values) });
  }

  ints(values: readonly number[]): string {
    return this.#constant({
      type: 'int64',
      dims: [values.length],
      data: BigInt64Array.from(values.map(BigInt)),
    });
  }

  words(values: readonly number[]): string {
    return this.#constant({ type: 'int32', dims: [values.length], data: Int32Array.from(values) });
  }

  #constant(tensor: Tensor): string {
    return this.add('Constant', [], { value: { tensor } });
  }

  #fresh(): string {
    return `${this.#prefix}${this.nodes.length}`;
  }
}
