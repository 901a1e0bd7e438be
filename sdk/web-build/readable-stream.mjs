/** The four streams that MQTT.js uses, without the rest of readable-stream (operators, promises, compositions). */
import Duplex from 'readable-stream/lib/internal/streams/duplex.js';
import { Stream } from 'readable-stream/lib/internal/streams/legacy.js';
import Readable from 'readable-stream/lib/internal/streams/readable.js';
import Transform from 'readable-stream/lib/internal/streams/transform.js';
import Writable from 'readable-stream/lib/internal/streams/writable.js';

// What its own index hangs there, and the streams look for.
Stream._isUint8Array = (value) => value instanceof Uint8Array;
Stream._uint8ArrayToBuffer = ({ buffer, byteOffset, byteLength }) =>
  Buffer.from(buffer, byteOffset, byteLength);

export { Duplex, Readable, Transform, Writable };
export default { Duplex, Readable, Transform, Writable };
