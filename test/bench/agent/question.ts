/** What the agent is asked: PP-OCRv4's text detector on a grey picture, by the binary form of the Open Inference Protocol. */
export const DIMS: readonly number[] = [1, 3, 480, 640];

export function picture(): Float32Array {
  return new Float32Array(DIMS.reduce((product, dim) => product * dim, 1)).fill(0.3);
}

/** Whether it was answered; an agent that is still starting does not. */
export async function ask(url: string): Promise<boolean> {
  const data = new Uint8Array(picture().buffer);
  const parameters = { binary_data_size: data.length };
  const head = JSON.stringify({ inputs: [{ name: 'x', shape: DIMS, datatype: 'FP32', parameters }] });
  const reply = await fetch(`${url}/v2/models/det/infer`, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(head.length),
    },
    body: Buffer.concat([Buffer.from(head), data]),
  }).catch(() => undefined);
  await reply?.arrayBuffer();
  return reply?.ok ?? false;
}
