/** The session's worker hands tensors to the page, which makes them ONNX Runtime's: here they stay plain. */
export class Tensor {
  constructor(type, data, dims) {
    Object.assign(this, { type, data, dims });
  }
}
