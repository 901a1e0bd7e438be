/**
 * Gateways in two regions, each at a node of its own of one distributed broker, and a device that asks them across nodes, moves
 * from one node to another, and goes on when a node is killed. Real gateways as processes, real sessions; what a device may not
 * use it does not use, whatever dies.
 */

import { sampleTensor, type Tensor } from '@cutpoint/sdk/gateway';
import { createSplitSession, type SplitSession, type SplitSessionOptions } from '@cutpoint/sdk/node';
import { type GatewayProcess, makeModelFolder, startGatewayProcess } from '../support/gateway-process.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

/** A broker of several nodes. */
export interface BrokerNodes {
  readonly name: string;
  /** With the login of a gateway or the device, where there are logins. */
  urlOf(node: number, who: 'gw-eu' | 'gw-us' | 'dev'): string;
  kill(node: number): Promise<void>;
  start(node: number): Promise<void>;
  close(): Promise<void>;
}

export interface Places {
  /** Nodes of the two gateways. */
  readonly eu: number;
  readonly us: number;
  /** Where the device begins: not at `eu`. */
  readonly device: number;
}

/** What was seen, each a sentence that is true or false. */
export type Findings = Readonly<Record<string, boolean>>;

const WAIT_MS = 60_000;
const MODEL = { inputs: { input: [1, 3, 32, 32] } };

export async function playTwoRegions(nodes: BrokerNodes, { eu, us, device }: Places): Promise<Findings> {
  const folder = await makeModelFolder({ net: { model: smallConvNet(), ...MODEL } });
  const gateways = new Map<string, GatewayProcess>();
  const sessions: SplitSession[] = [];
  const input = sampleTensor({ type: 'float32', dims: [1, 3, 32, 32], seed: 4 });
  const start = async (id: 'gw-eu' | 'gw-us', node: number) => {
    const own = ['--id', id, '--region', id.slice(3), '--threads', '1'];
    gateways.set(
      id,
      await startGatewayProcess(['--models', folder.path, '--broker', nodes.urlOf(node, id), ...own]),
    );
  };
  const open = async (node: number, regions: readonly string[], more: Partial<SplitSessionOptions> = {}) => {
    const session = await createSplitSession(folder.model('net'), {
      ...{ broker: nodes.urlOf(node, 'dev'), model: 'net', device: 'dev', regions, fallback: 'none' },
      ...{ connectTimeoutMs: WAIT_MS, deadlineMs: 3_000, threads: 1, inputShapes: MODEL.inputs, ...more },
    });
    sessions.push(session);
    return session;
  };
  try {
    await Promise.all([start('gw-eu', eu), start('gw-us', us)]);
    const first = await open(device, ['eu', 'us'], { fallback: 'local' });
    const whole = (await first.run({ input }, { arm: 'device' })).output as Tensor;
    const cut = first.arms.find(({ kind }) => kind === 'split')?.id ?? '';
    const ask = async (session: SplitSession) => {
      const { output } = await session.run({ input }, { arm: cut });
      return { gateway: session.lastTrace?.gateway, isRight: isSame(output as Tensor, whole) };
    };
    /** The first answer from a gateway for which it holds; errors on the way end their own request and no other. */
    const until = async (session: SplitSession, holds: (gateway: string | undefined) => boolean) => {
      for (const endMs = performance.now() + WAIT_MS; performance.now() < endMs; ) {
        const answer = await ask(session).catch(() => undefined);
        if (answer && holds(answer.gateway)) return answer.isRight;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return false;
    };
    const inEurope = await open(device, ['eu']);
    const acrossNodes = await until(inEurope, (gateway) => gateway === 'gw-eu');
    const inAmerica = await open(device, ['us']);
    const toEach = await until(inAmerica, (gateway) => gateway === 'gw-us');

    await nodes.kill(eu);
    // Every request made while the node is away ends, with an answer that is right or a code.
    const meanwhile = await Promise.allSettled(Array.from({ length: 20 }, () => ask(first)));
    const allEnded = meanwhile.every((one) => one.status === 'rejected' || one.value.isRight);
    const goesOn = await until(first, (gateway) => gateway === 'gw-us');
    const never = await Promise.allSettled(Array.from({ length: 5 }, () => ask(inEurope)));
    const staysInEurope = never.every((one) => one.status === 'rejected');

    await nodes.start(eu);
    const comesBack = await until(inEurope, (gateway) => gateway === 'gw-eu');
    const moved = await open(eu, ['eu', 'us'], { fallback: 'local' });
    const afterMove = await until(moved, (gateway) => gateway !== undefined);
    const movedAcross = await until(await open(eu, ['us']), (gateway) => gateway === 'gw-us');
    return {
      'a device is answered by the gateway of another node': acrossNodes,
      'and by the one of its own or a third': toEach,
      'while a node is dead every request ends, none with a wrong answer': allEnded,
      'the gateway of the other region takes over': goesOn,
      'a device that may use one region only gets errors, not the other region': staysInEurope,
      'the node that came back serves again': comesBack,
      'a device that moved to another node is answered': afterMove,
      'and across nodes from there': movedAcross,
    };
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
    await Promise.all([...gateways.values()].map((gateway) => gateway.kill('SIGKILL')));
    await folder.remove();
  }
}

/** Quantised to 8 bits on the way. */
function isSame(a: Tensor, b: Tensor): boolean {
  const [one, two] = [a.data as Float32Array, b.data as Float32Array];
  const most = Math.max(...two.map(Math.abs), 1e-9);
  return one.length === two.length && one.every((value, i) => Math.abs(value - (two[i] ?? 0)) < 0.05 * most);
}
