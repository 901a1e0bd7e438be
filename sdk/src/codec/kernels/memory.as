// Numbers of the format, and where things lie in memory. wasm.ts lays out the rest and passes pointers to it.

export const LANES: i32 = 16;
export const LOWEST_STATE: i32 = 1 << 15;
export const ESCAPE_SLOT: i32 = 4095;
// An encoder's entry is the frequency, and 16 bits higher the first slot.
export const ESCAPE_ENTRY: i32 = (4095 << 16) | 1;
// The encoder's context for the lanes of a group that have no plane: its coding changes nothing.
export const IDLE_CONTEXT: i32 = 16;
// Tables that can be counted at once: as many as graded and median have cells, and one.
export const COUNTED: i32 = 125;

// Models, as wasm.ts numbers them.
export const LEVEL: i32 = 0;
export const DIFFERENCE: i32 = 1;
export const GRADED: i32 = 2;
export const MEDIAN: i32 = 3;
export const ENERGY: i32 = 4;

// Fixed places in memory, the same as in wasm.ts. Constants, so that they become offsets of the instructions.
export const SCATTER: usize = 1024;
export const GATHER: usize = 1280;
export const RAISE: usize = 3328;
export const IDLE_MASKS: usize = 1536;
export const THRESHOLDS: usize = 1600;
export const SCRATCH: usize = 1728;
export const OUT: usize = 2304;
// Three thresholds, then four rows of 32 bytes: tables by small values, tables by the upper half of larger ones.
export const STEPS: usize = 2432;
export const CELLS: usize = 2496;
// Sixteen vectors on their way out of the lanes.
export const ROWS: usize = 3072;
export const FREQUENCIES: usize = 4096;
export const ENCODER: usize = 12288;
// Of energy: seven thresholds, and for each of 1024 cells the table, shifted by 8 and, for the decoder, by 14.
export const ENERGY_STEPS: usize = 29696;
export const ENERGY_HIGH: usize = 30720;
export const ENERGY_CELLS: usize = 32768;
export const DECODER: usize = 36864;
// Counting and decoding never happen at once.
export const COUNTS: usize = DECODER;
