/** The worker with ONNX Runtime's build for WebGPU. Started by ort-web.ts where it is asked for and there is an adapter. */
import * as ort from 'onnxruntime-web/webgpu';
import { hostOrt } from './ort-web-host.ts';

hostOrt(ort);
