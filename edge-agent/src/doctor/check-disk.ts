/** Whether the agent can write where it keeps its files, and how much. */
import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asSplitError } from '@cutpoint/sdk';
import { replaceFile } from '../disk/durable-file.ts';
import { nodeDisk } from '../disk/node-disk.ts';
import type { Examination } from './examine.ts';
import { type Finding, failure, ok, warning } from './finding.ts';

const PROBE_BYTES = 65_536;
const LEAST_FREE_BYTES = 1 << 24;

export async function checkDisk({ config }: Examination): Promise<readonly Finding[]> {
  const disk = nodeDisk();
  const probe = join(config.state, `doctor-${randomBytes(4).toString('hex')}`);
  try {
    await disk.makeFolder(dirname(probe));
    await replaceFile(disk, probe, new Uint8Array(PROBE_BYTES));
    await disk.remove(probe);
  } catch (error) {
    const { message } = asSplitError(error);
    return [
      failure(
        'disk',
        message,
        `models, queues and logs need ${config.state}; name another folder with state:`,
      ),
    ];
  }
  const { bavail, bsize } = await statfs(config.state);
  const free = bavail * bsize;
  const text = `${config.state}: ${Math.round(free / 1e6)} MB free`;
  const wanted = config.queue.maxBytes * 2 + LEAST_FREE_BYTES;
  if (free >= wanted) return [ok('disk', text)];
  return [
    warning(
      'disk',
      text,
      `two queues may take ${config.queue.maxBytes} bytes each (queue.maxBytes): free some, or lower it`,
    ),
  ];
}
