/** Loaded into a program before it starts: at SIGUSR2 it collects garbage and writes down what is still held, for held-by.ts. */
import { renameSync, writeFileSync } from 'node:fs';
import { heldBytes } from './footprint.ts';

const folder = process.env.CUTPOINT_HELD_FOLDER;
if (folder !== undefined)
  process.on('SIGUSR2', async () => {
    const path = `${folder}/${process.pid}`;
    writeFileSync(`${path}.new`, String(await heldBytes()));
    renameSync(`${path}.new`, path);
  });
