/** `npm run sample:camera -- --frames DIR` or `--rtsp URL`: reads text in frames and publishes what it says. */
import { Command, Option } from 'commander';
import { makeModelFolder, startGateway } from '../ocr/processes.ts';
import { folderFrames, rtspFrames } from './frames.ts';
import { runPipeline } from './pipeline.ts';

interface Flags {
  readonly frames?: string;
  readonly rtsp?: string;
  readonly broker?: string;
  readonly topic: string;
}

const { frames, rtsp, broker, topic } = new Command('sample:camera')
  .description('Reads text in frames with two split models and publishes it over MQTT.')
  .addOption(new Option('--frames <dir>', 'folder of JPEG, PNG or WebP pictures').conflicts('rtsp'))
  .option('--rtsp <url>', 'a camera, read through ffmpeg')
  .option(
    '--broker <url>',
    'broker of a gateway that serves ocr-detector and ocr-recogniser (default: its own)',
  )
  .option('--topic <topic>', 'where results go', 'camera/text')
  .parse()
  .opts<Flags>();

const source = frames === undefined ? rtsp && rtspFrames(rtsp) : folderFrames(frames);
if (!source) {
  console.error('give --frames DIR or --rtsp URL');
  process.exit(2);
}
const models = await makeModelFolder({ detector: [1, 3, 480, 640], recogniser: [5, 3, 48, 320] });
const gateway = broker === undefined ? await startGateway(models.path) : undefined;
try {
  const url = broker ?? (gateway?.broker as string);
  console.log(`Results go to ${topic} at ${url}`);
  console.log(`${await runPipeline(source, { broker: url, topic })} frames read`);
} finally {
  await gateway?.stop();
  await models.remove();
}
