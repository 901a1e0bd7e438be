/** Where frames come from: the pictures of a folder, or a camera by RTSP through ffmpeg. */
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Frame {
  readonly name: string;
  /** JPEG, PNG or WebP. */
  readonly file: Uint8Array;
}

/** In the order of their names. */
export async function* folderFrames(folder: string): AsyncGenerator<Frame> {
  const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).toSorted();
  for (const name of names) yield { name, file: await readFile(join(folder, name)) };
}

/** One picture a second. Those that come while the last one is still read are left out, but for the newest. */
export async function* rtspFrames(url: string): AsyncGenerator<Frame> {
  const input = ['-loglevel', 'error', '-rtsp_transport', 'tcp', '-i', url];
  const child = spawn('ffmpeg', [...input, '-vf', 'fps=1', '-q:v', '2', '-f', 'mpjpeg', 'pipe:1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let [newest, count]: [Uint8Array | undefined, number] = [undefined, 0];
  let wake = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', () => reject(new Error('ffmpeg is needed for RTSP and could not be started')));
    child.once('close', () => resolve());
  });
  const read = (async () => {
    for await (const file of splitPictures(child.stdout)) {
      newest = file;
      wake();
    }
    await ended;
  })();
  try {
    for (;;) {
      const came = new Promise<'came'>((resolve) => {
        wake = () => resolve('came');
      });
      if (newest === undefined && (await Promise.race([came, read])) !== 'came') return;
      const file = newest;
      newest = undefined;
      if (file) yield { name: `frame-${++count}`, file };
    }
  } finally {
    child.kill('SIGKILL');
  }
}

/**
 * The pictures in ffmpeg's `mpjpeg`: before each stand lines of text, one of which says its length in bytes.
 * @throws Error where the stream is something else, or ends within a picture
 */
export async function* splitPictures(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held = Buffer.alloc(0);
  for await (const chunk of stream) {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const header = held.indexOf('\r\n\r\n');
      if (header < 0) break;
      const [, length] = /content-length: *(\d+)/i.exec(held.toString('latin1', 0, header)) ?? [];
      if (length === undefined) throw new Error('the stream of pictures does not say how long they are');
      const [start, end] = [header + 4, header + 4 + Number(length)];
      if (held.length < end) break;
      yield Uint8Array.from(held.subarray(start, end));
      held = held.subarray(end);
      if (held.indexOf('\r\n') === 0) held = held.subarray(2);
    }
  }
  if (held.toString('latin1').replace(/--\w*(--)?|\s/g, '') !== '')
    throw new Error('the last picture broke off');
}
