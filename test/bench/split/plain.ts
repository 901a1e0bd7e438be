/** The plain session that everything is compared with. */
import type { InferenceSession } from 'onnxruntime-node';

/** One picture for ResNet-50. */
export const SHAPE: readonly number[] = [1, 3, 224, 224];

/** As everybody makes one, but for threads that do not spin: they would take the cores from its rivals. */
export const PLAIN_OPTIONS = {
  graphOptimizationLevel: 'all',
  intraOpNumThreads: 2,
  logSeverityLevel: 4,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
} as const satisfies InferenceSession.SessionOptions;
