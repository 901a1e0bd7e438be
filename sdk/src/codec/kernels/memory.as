// Numbers of the format, and where things lie in memory. wasm.ts lays out the rest and passes pointers to it.

export const LANES: i32 = 16;
export const LOWEST_STATE: i32 = 1 << 15;
export const ESCAPE_SLOT: i32 = 4095;
// An encoder's entry is the frequency, and 16 bits higher the first slot.
export const ESCAPE_ENTRY: i32 = (4095 << 16) | 1;
// A context of its own for the lanes of a group that have no plane: its coding changes nothing.
export const IDLE_CONTEXT: i32 = 8;
export const CONTEXTS: i32 = 8;

// Fixed places in memory, the same as in wasm.ts. Constants, so that they become offsets of the instructions.
export const SCATTER: usize = 1024;
export const GATHER: usize = 1280;
export const IDLE_MASKS: usize = 1536;
export const THRESHOLDS: usize = 1600;
export const SCRATCH: usize = 1728;
export const OUT: usize = 2304;
export const FREQUENCIES: usize = 4096;
export const COUNTS: usize = 8192;
export const ENCODER: usize = 16384;
export const DECODER: usize = 32768;
