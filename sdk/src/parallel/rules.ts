/** The rule of each operator; those without one are computed whole by every rank. */
import {
  batchNormRule,
  concatRule,
  layerNormRule,
  poolRule,
  reduceRule,
  sliceRule,
  softmaxRule,
} from './axis-rules.ts';
import { ELEMENTWISE, elementwiseRule } from './elementwise-rule.ts';
import { convRule, gatherRule, gemmRule, matMulRule } from './product-rules.ts';
import type { Rule } from './rule.ts';
import { flattenRule, reshapeRule, squeezeRule, transposeRule } from './shape-rules.ts';

/** Of ONNX's own domain. */
export const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['MatMul', matMulRule],
  ['Gemm', gemmRule],
  ['Conv', convRule],
  ['Gather', gatherRule],
  ...ELEMENTWISE.map((op) => [op, elementwiseRule] as const),
  ['Softmax', softmaxRule],
  ['LogSoftmax', softmaxRule],
  ['LayerNormalization', layerNormRule],
  ['BatchNormalization', batchNormRule],
  ['MaxPool', poolRule],
  ['AveragePool', poolRule],
  ['GlobalAveragePool', poolRule],
  ['GlobalMaxPool', poolRule],
  ['ReduceMean', reduceRule],
  ['ReduceSum', reduceRule],
  ['ReduceMax', reduceRule],
  ['ReduceMin', reduceRule],
  ['Concat', concatRule],
  ['Slice', sliceRule],
  ['Transpose', transposeRule],
  ['Flatten', flattenRule],
  ['Reshape', reshapeRule],
  ['Squeeze', squeezeRule],
  ['Unsqueeze', squeezeRule],
]);
