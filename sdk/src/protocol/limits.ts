/** Limits of the wire. Each is checked before anything is allocated for what a peer claims. */

/** Largest CBOR header of a message, in bytes. */
export const MAX_HEADER_BYTES: number = 4096;

/** Largest announcement of a gateway, in bytes of CBOR. */
export const MAX_ANNOUNCEMENT_BYTES: number = 256 * 1024;

/** Deepest nesting of maps and arrays in CBOR from a peer. */
export const MAX_CBOR_DEPTH: number = 8;

/** Most values in one piece of CBOR from a peer, keys of maps included. */
export const MAX_CBOR_ITEMS: number = 65_536;

/** Payload bytes of one part of a large message, unless the broker takes less. */
export const DEFAULT_CHUNK_BYTES: number = 64 * 1024;

/** Smallest part but for the last one: bounds how many parts a message can claim. */
export const MIN_CHUNK_BYTES: number = 1024;

/** Room for topic, header and packet framing between a part's payload and the broker's packet limit, in bytes. */
export const PACKET_OVERHEAD_BYTES: number = 1024;

/** Most parts that one credit asks for again: bounds its size. */
export const MAX_MISSING_PARTS: number = 256;

/** Most stages behind the first that a request may name. */
export const MAX_ROUTE_STAGES: number = 7;

/** Most gateways that a request may name for one stage. */
export const MAX_ROUTE_GATEWAYS: number = 16;

/** Bytes of one message that may be under way before the receiver grants more. */
export const DEFAULT_WINDOW_BYTES: number = 1024 * 1024;

/** Largest message, all parts together, in bytes. */
export const DEFAULT_MAX_PAYLOAD_BYTES: number = 64 * 1024 * 1024;

/** Most messages of one sender that are put together at a time. */
export const MAX_ASSEMBLIES_PER_SENDER: number = 32;

/** Bytes held for unfinished messages of all senders together. */
export const MAX_ASSEMBLED_BYTES: number = 512 * 1024 * 1024;

/** An unfinished message older than this is forgotten, in milliseconds. */
export const MAX_ASSEMBLY_AGE_MS: number = 60_000;
