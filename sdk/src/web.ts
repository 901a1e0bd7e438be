/** `@cutpoint/sdk/web`: split sessions in a page, on onnxruntime-web and MQTT over WebSocket. */
import { SplitError } from './errors.ts';
import type { SplitSessionOptions } from './session/options.ts';
import type { SplitSession } from './session/split-session.ts';
import type { FetchSourceOptions } from './source/fetch.ts';
import { assetsIn, installedAssets } from './web/assets.ts';
import { openRemoteSession } from './web/remote-session.ts';

export type { Prediction } from './adaptive/controller.ts';
export { type ImageLayout, normaliseImage, type Pixels } from './codec/normalise-image.ts';
export { ERROR_CODES, type ErrorCode, isSplitError, SplitError } from './errors.ts';
export type { Arm, DeviceArm, SplitArm } from './planner/arm.ts';
export type { CutChange, CutChangeCause, SessionEvents, SessionStats } from './session/journal.ts';
export type { QueueOptions, RuntimeOptions, SplitSessionOptions } from './session/options.ts';
export type { Fetches, ImageInput, RunOptions } from './session/run-arguments.ts';
export type { SplitSession, ValueMetadata } from './session/split-session.ts';
export type { Trace } from './session/trace.ts';
export type { Tensor, TensorData, TensorInfo, Tensors, TensorType } from './tensor.ts';

/** What only a page has to say; see docs/browser.md. */
export interface WebSessionOptions extends SplitSessionOptions {
  /**
   * Folder that `cutpoint copy-assets` filled, as an address relative to the page.
   * @default beside this module: bundlers that know `new URL(…, import.meta.url)` put the files there
   */
  readonly assets?: string | undefined;
  /** How a model that is given as an address is fetched and kept. */
  readonly source?: FetchSourceOptions | undefined;
}

/**
 * A session that runs a model partly in this page and partly behind a gateway. It lives in a worker of its own.
 * @param model address of an .onnx file, relative to the page, or its bytes
 * @throws SplitError `options-invalid`, `model-invalid`, `provider-unavailable`; with `fallback: 'none'` also
 * `broker-unreachable`, `gateway-unavailable`, `model-unknown` and `model-mismatch`
 */
export async function createSplitSession(
  model: string | URL | Uint8Array,
  { assets: folder, source, ...options }: WebSessionOptions,
): Promise<SplitSession> {
  if (options.runtime?.modulePath !== undefined)
    throw new SplitError(
      'options-invalid',
      'runtime.modulePath: a page has no modules to choose; see assets',
    );
  const assets = folder === undefined ? installedAssets() : assetsIn(folder);
  const { plan } = options;
  const worker = startWorker(assets.session);
  return await openRemoteSession(worker, {
    kind: 'open',
    model:
      model instanceof Uint8Array
        ? { bytes: Uint8Array.from(model) }
        : { ...source, url: new URL(model, document.baseURI).href },
    options: typeof plan === 'string' ? { ...options, plan: new URL(plan, document.baseURI).href } : options,
    assets,
  });
}

function startWorker(url: string): Worker {
  try {
    return new Worker(url, { type: 'module', name: 'cutpoint-session' });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('provider-unavailable', `the session's worker ${url} could not be started: ${why}`, {
      cause,
    });
  }
}
