/** A device, a link, Mosquitto and the real gateway program, each of which can be made to fail. */
import { createSplitSession, type SplitSession } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import { type GatewayProcess, makeModelFolder, startGatewayProcess } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';

/** Sixteen pictures: what crosses the first cuts takes several parts. */
const x = randomTensor(randomNumbers(4), [16, 3, 32, 32]);
const DELAY_MS = 2;

export interface OutageWorld {
  readonly broker: Mosquitto;
  readonly link: Link;
  readonly deadlineMs: number;
  /** The gateway that runs now. */
  gateway(): GatewayProcess;
  startGateway(): Promise<void>;
  /** Runs split; falls back to the device where the session does. */
  run(fallback: 'local' | 'none'): Promise<Float32Array>;
  /** The whole model's answer, from the device alone. */
  readonly expected: Float32Array;
  /** Whether the cloud answers again. */
  isSplitAgain(): Promise<boolean>;
  close(): Promise<void>;
}

export async function openOutageWorld(deadlineMs: number): Promise<OutageWorld> {
  const folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: x.dims } } });
  const broker = await startMosquitto();
  const args = ['--models', folder.path, '--id', 'gw', '--broker', broker.url];
  let gateway = await startGatewayProcess(args);
  const leg = { bitsPerSecond: 200e6, delayMs: DELAY_MS };
  const link = await createLink({ targetPort: broker.port, uplink: leg, downlink: leg });
  const open = (fallback: 'local' | 'none') =>
    createSplitSession(folder.model('net'), {
      ...{
        broker: `mqtt://127.0.0.1:${link.port}`,
        model: 'net',
        profiles: ['float32'],
        fallback,
        deadlineMs,
      },
      inputShapes: { input: x.dims },
    });
  const sessions = { local: await open('local'), none: await open('none') };
  const expected = await outputOf(sessions.local.run({ input: x }, { arm: 'device' }));
  const arm = await splitArm(sessions.local);
  await splitArm(sessions.none);
  return {
    ...{ broker, link, deadlineMs, expected },
    gateway: () => gateway,
    startGateway: async () => {
      gateway = await startGatewayProcess(args);
    },
    run: (fallback) => outputOf(sessions[fallback].run({ input: x }, { arm })),
    isSplitAgain: () =>
      sessions.none.run({ input: x }, { arm }).then(
        () => true,
        () => false,
      ),
    close: async () => {
      await Promise.all([sessions.local.release(), sessions.none.release()]);
      await link.close();
      await gateway.kill('SIGKILL');
      await broker.close();
      await folder.remove();
    },
  };
}

/** The first run finds out what there is to choose from; the largest crossing takes the most parts. */
async function splitArm(session: SplitSession): Promise<string> {
  await session.run({ input: x });
  const cuts = session.arms.filter((arm) => arm.kind === 'split' && (arm.cut.bytes ?? 0) > 80_000);
  const [first] = cuts;
  if (!first) throw new Error('no cut that takes several parts');
  return first.id;
}

async function outputOf(run: Promise<unknown>): Promise<Float32Array> {
  const { output } = (await run) as { output: { data: Float32Array } };
  return output.data;
}
