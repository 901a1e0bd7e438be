/** The page: two split sessions, pictures from camera or file, and what became of each. */
import { createSplitSession, isSplitError, type SplitSession } from '@cutpoint/sdk/web';
import { bindRate } from './rate.ts';
import { readText } from './read-text.ts';
import { drawBoxes, element, inWords, showChange, showLines, showModels, status } from './view.ts';

interface Settings {
  readonly broker: string;
  /** Where the rate of the emulated link is set. */
  readonly knob: string;
  readonly alphabet: readonly string[];
}

const canvas = element('canvas', HTMLCanvasElement);
const camera = element('camera', HTMLButtonElement);
const file = element('file', HTMLInputElement);
const example = element('example', HTMLButtonElement);
const drop = element('drop', HTMLElement);

try {
  await start();
} catch (error) {
  status(isSplitError(error) ? `${error.code}: ${error.message}` : String(error));
}

async function start(): Promise<void> {
  const settings = (await (await fetch('../settings.json')).json()) as Settings;
  bindRate(settings.knob);
  const open = (name: string, shape: readonly number[]) =>
    createSplitSession(`../models/${name}.onnx`, {
      broker: settings.broker,
      model: `ocr-${name}`,
      assets: '../cutpoint/',
      inputShapes: { x: shape },
      deadlineMs: 20_000,
    });
  const detector = await open('detector', [1, 3, 480, 640]);
  const recogniser = await open('recogniser', [4, 3, 48, 320]);
  for (const [name, session] of Object.entries({ detector, recogniser }))
    session.on('cut-change', ({ reason }) => showChange(name, inWords(reason, session.arms)));
  status(`Ready. ${detector.runtime}.`);
  listen((source) => read(source, { detector, recogniser, alphabet: settings.alphabet }));
}

interface Reader {
  readonly detector: SplitSession;
  readonly recogniser: SplitSession;
  readonly alphabet: readonly string[];
}

type Source = HTMLVideoElement | ImageBitmap;

/** One picture at a time: a camera's frames that come meanwhile are not kept. */
async function read(source: Source, reader: Reader): Promise<void> {
  const startMs = performance.now();
  const { lines, traces } = await readText(canvas, source, reader);
  drawBoxes(canvas, lines);
  showLines(canvas, lines);
  showModels(traces);
  const ms = Math.round(performance.now() - startMs);
  status(`${lines.length} ${lines.length === 1 ? 'line' : 'lines'} read in ${ms} ms.`);
}

function listen(handle: (source: Source) => Promise<void>): void {
  let stream: MediaStream | undefined;
  let last: Promise<void> = Promise.resolve();
  const take = (source: Source) => {
    last = last.then(() => handle(source)).catch((error: unknown) => status(String(error)));
    return last;
  };
  const takeFile = async (blob: Blob) => {
    stop();
    status('Reading …');
    await take(await createImageBitmap(blob));
  };

  function stop(): void {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = undefined;
    camera.setAttribute('aria-pressed', 'false');
  }

  async function startCamera(): Promise<void> {
    const size = { width: 640, height: 480, facingMode: 'environment' };
    const own = await navigator.mediaDevices.getUserMedia({ video: size });
    stream = own;
    camera.setAttribute('aria-pressed', 'true');
    const video = document.createElement('video');
    Object.assign(video, { srcObject: own, muted: true, playsInline: true });
    await video.play();
    while (stream === own) {
      // Nobody looks: the camera rests.
      if (document.hidden) await new Promise((resolve) => setTimeout(resolve, 250));
      else await take(video);
    }
  }

  camera.addEventListener('click', () => {
    if (stream) return stop();
    startCamera().catch((error: unknown) => status(`The camera cannot be used: ${String(error)}`));
  });
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    if (chosen) void takeFile(chosen);
  });
  example.addEventListener('click', async () => takeFile(await (await fetch('../example.jpg')).blob()));
  drop.addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped) void takeFile(dropped);
  });
  for (const control of [camera, file, example]) control.disabled = false;
}
