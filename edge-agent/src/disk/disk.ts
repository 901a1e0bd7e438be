/**
 * The Disk port: the few ways in which the agent writes. Power may be cut between any two of them, and inside one.
 * What is written is safe after `sync`, and a name (made, renamed, removed) after `syncFolder`.
 */
export interface Disk {
  /** `new` empties a file that is there. */
  open(path: string, mode: 'new' | 'append'): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for the same bytes; a copy where the file system knows no such thing. */
  link(from: string, to: string): Promise<void>;
  /** A file or a folder with all that is in it; nothing there is no error. */
  remove(path: string): Promise<void>;
  /** With the folders above it. */
  makeFolder(path: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
}

export interface DiskFile {
  append(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}
