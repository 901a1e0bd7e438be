/**
 * DSSE's pre-authentication encoding (the envelope of in-toto and Sigstore): type and length come first, so that nothing
 * signed for one purpose can pass for another.
 */
export function dsseBytes(payloadType: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}
