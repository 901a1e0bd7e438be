/** ONNX Runtime's errors, known only by their English text, translated once into ours. */

import type { ErrorCode } from '../errors.ts';
import { isSplitError, SplitError } from '../errors.ts';
import type { CallError } from './ort-messages.ts';

/** First match wins; what matches nothing is `runtime-failed`. */
const TRANSLATIONS: readonly (readonly [pattern: RegExp, code: ErrorCode])[] = [
  [/AppendExecutionProvider|Failed to load shared library/i, 'provider-unavailable'],
  [/Failed to get a WebGPU adapter|provider is not (enabled|supported|available)/i, 'provider-unavailable'],
  [
    /(backend|execution provider).*(not (found|supported|available|enabled)|unsupported)/i,
    'provider-unavailable',
  ],
  [/unsupported (backend|execution provider)/i, 'provider-unavailable'],
];

export function translateOrtError(error: unknown): SplitError {
  if (isSplitError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = TRANSLATIONS.find(([pattern]) => pattern.test(message))?.[1] ?? 'runtime-failed';
  return new SplitError(code, message, { cause: error });
}

/** Why ONNX Runtime itself could not be imported. */
export function translateImportError(error: unknown, module: string): SplitError {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  const advice = isMissing
    ? `${module} is not installed; run: npm install onnxruntime-node`
    : `${module} could not be started: ${message}`;
  return new SplitError('provider-unavailable', advice, { cause: error });
}

export function toCallError(error: unknown): CallError {
  const { code, message } = translateOrtError(error);
  return { code, message };
}

export function fromCallError({ code, message }: CallError): SplitError {
  return new SplitError(code, message);
}
