/** The worker with ONNX Runtime's lean WebAssembly build. Started by ort-web.ts. */
import * as ort from 'onnxruntime-web/wasm';
import { hostOrt } from './ort-web-host.ts';

hostOrt(ort);
