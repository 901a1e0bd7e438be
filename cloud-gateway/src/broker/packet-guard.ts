/**
 * Bounds the packets of one connection. The broker gathers a packet whole before anyone is asked whether it may come, and
 * MQTT lets a header claim 256 MiB: so fixed headers are read as the bytes pass, and the rest is only counted.
 */
import type { Duplex } from 'node:stream';

export interface PacketLimits {
  /** Of the first packet, which comes before any login, in bytes. */
  readonly firstBytes: number;
  readonly bytes: number;
}

/** Breaks the connection at the first header that claims more. */
export function guardPackets(stream: Duplex, limits: PacketLimits): void {
  const sees = createPacketWatch(limits);
  const read = stream.read.bind(stream);
  stream.read = (size?: number) => {
    const chunk: unknown = read(size);
    if (!(chunk instanceof Uint8Array) || sees(chunk)) return chunk;
    stream.destroy(new Error(`a packet of more than ${limits.bytes} bytes`));
    return null;
  };
}

/** Takes chunk after chunk; `false` once a packet claims too much. */
export function createPacketWatch({ firstBytes, bytes }: PacketLimits): (chunk: Uint8Array) => boolean {
  let limit = firstBytes;
  /** Bytes of the current packet that are still to pass. */
  let left = 0;
  /** Of the fixed header: bytes read so far, and the length they say. */
  let [headerBytes, length] = [0, 0];

  /** [MQTT-2.2.3] one byte of kind, then up to four of length, seven bits each. */
  function readHeader(byte: number): boolean {
    headerBytes += 1;
    if (headerBytes === 1) return true;
    length += (byte & 0x7f) * 2 ** (7 * (headerBytes - 2));
    if (length > limit || headerBytes > 5) return false;
    if (byte >= 0x80) return true;
    left = length;
    [headerBytes, length, limit] = [0, 0, bytes];
    return true;
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const passing = Math.min(left, chunk.length - at);
        left -= passing;
        at += passing;
      } else {
        if (!readHeader(chunk[at] ?? 0)) return false;
        at += 1;
      }
    }
    return true;
  };
}
