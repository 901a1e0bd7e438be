/** Real models that listen: Silero's voice detectors, whose net lies in If bodies, and two wake words. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

export interface SileroModel {
  readonly name: string;
  readonly path: string;
  /** The states that it carries from window to window, besides `input` [1, 512] and the rate `sr`. */
  readonly state: Readonly<Record<string, readonly number[]>>;
}

export function sileroModels(): readonly SileroModel[] {
  const folder = join(dirname(require.resolve('@ricky0123/vad-web/package.json')), 'dist');
  const state = { state: [2, 1, 128] };
  const legacy = { h: [2, 1, 64], c: [2, 1, 64] };
  return [
    { name: 'Silero VAD v5', path: join(folder, 'silero_vad_v5.onnx'), state },
    { name: 'Silero VAD v6', path: join(folder, 'silero_vad_v6.onnx'), state },
    { name: 'Silero VAD legacy', path: join(folder, 'silero_vad_legacy.onnx'), state: legacy },
  ];
}

export interface WakeWordModel {
  readonly name: string;
  readonly path: string;
  /** Shape of its only input, `onnx::Flatten_0`: windows of features. */
  readonly shape: readonly number[];
}

export function wakeWordModels(): readonly WakeWordModel[] {
  // The package exports its program only; its models lie beside it.
  const entry = fileURLToPath(import.meta.resolve('openwakeword-js'));
  const folder = join(dirname(dirname(entry)), 'models');
  return [
    { name: 'wake word hello', path: join(folder, 'hello_deepa.onnx'), shape: [1, 25, 96] },
    { name: 'wake word namaste', path: join(folder, 'namaste_deepa.onnx'), shape: [1, 24, 96] },
  ];
}
