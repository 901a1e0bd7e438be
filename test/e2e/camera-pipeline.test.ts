/** The sample that reads frames of a folder, beside a gateway's own process: one message a frame, with the right text. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectMqtt } from '@cutpoint/sdk/testing';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { folderFrames } from '../../samples/camera-pipeline/frames.ts';
import { type FrameResult, runPipeline } from '../../samples/camera-pipeline/pipeline.ts';
import { makeModelFolder, startGateway } from '../../samples/ocr/processes.ts';

const PHOTO = new URL('../../samples/ocr/assets/street-sign.jpg', import.meta.url).pathname;

it('publishes what each frame says', { timeout: 120_000 }, async () => {
  const frames = await mkdtemp(join(tmpdir(), 'cutpoint-frames-'));
  await copyFile(PHOTO, join(frames, '2-sign.jpg'));
  const grey = { create: { width: 64, height: 64, channels: 3, background: '#777' } } as const;
  await writeFile(join(frames, '1-nothing.png'), await sharp(grey).png().toBuffer());
  await writeFile(join(frames, 'notes.txt'), 'no frame');
  const models = await makeModelFolder({ detector: [1, 3, 480, 640], recogniser: [5, 3, 48, 320] });
  const gateway = await startGateway(models.path, ['--max-batch', '1', '--max-cuts', '2', '--threads', '1']);
  const listener = await connectMqtt({ url: gateway.broker });
  const results: FrameResult[] = [];
  await listener.subscribe('camera/text', (_topic, payload) => {
    results.push(JSON.parse(new TextDecoder().decode(payload)) as FrameResult);
  });
  const count = await runPipeline(folderFrames(frames), { broker: gateway.broker, topic: 'camera/text' });
  expect(count).toBe(2);
  await expect.poll(() => results.length).toBe(2);
  expect(results.map(({ frame, lines }) => [frame, lines.map(({ text }) => text)])).toEqual([
    ['1-nothing.png', []],
    ['2-sign.jpg', ['NOTICE', 'DOUBLE', 'PARKING', 'PROHIBITED', 'AT ALLTIMES']],
  ]);
  expect(results.map(({ models: used }) => Object.keys(used))).toEqual([
    ['detector'],
    ['detector', 'recogniser'],
  ]);
  await listener.close();
  await gateway.stop();
  await models.remove();
  await rm(frames, { recursive: true });
});
