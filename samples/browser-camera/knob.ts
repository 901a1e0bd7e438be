/** The slider's other end: takes the rate of the emulated link from the page, over HTTP on this machine. */
import { createServer, type IncomingMessage } from 'node:http';

export interface Knob {
  readonly url: string;
  close(): Promise<void>;
}

const [LEAST, MOST] = [1e4, 1e9];

/** @param pageUrl only pages from there are heard */
export async function startKnob(pageUrl: string, setRate: (bitsPerSecond: number) => void): Promise<Knob> {
  const { origin } = new URL(pageUrl);
  const server = createServer(async (request, response) => {
    const rate = request.headers.origin === origin ? await rateOf(request) : Number.NaN;
    if (Number.isFinite(rate)) setRate(Math.min(MOST, Math.max(LEAST, rate)));
    response.writeHead(Number.isFinite(rate) ? 204 : 400, { 'access-control-allow-origin': origin }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function rateOf(request: IncomingMessage): Promise<number> {
  let text = '';
  for await (const chunk of request) text += chunk;
  try {
    return Number((JSON.parse(text) as { bitsPerSecond?: unknown }).bitsPerSecond);
  } catch {
    return Number.NaN;
  }
}
