/** `@cutpoint/sdk/oip`: the messages of the Open Inference Protocol v2, as JSON and with its binary extension. */
export { datatypeOf } from './oip/datatype.ts';
export { httpStatusOf } from './oip/http-status.ts';
export {
  INFERENCE_HEADER,
  type InferBody,
  type InferRequest,
  type RequestedOutput,
  readInferRequest,
  splitInferBody,
} from './oip/infer-request.ts';
export {
  type EncodedResponse,
  type InferResponse,
  outputsOf,
  writeInferResponse,
} from './oip/infer-response.ts';
export { type ModelMetadata, modelMetadata, type TensorMetadata } from './oip/model-metadata.ts';
