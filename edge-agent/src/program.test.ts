import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../../test/support/gateway-process.ts';
import { smallConvNet } from '../../test/support/models/small-conv-net.ts';
import { runProgram } from './program.ts';

const EDGE = fileURLToPath(new URL('./main.ts', import.meta.url));
const BODY = {
  inputs: [
    {
      name: 'input',
      datatype: 'FP32',
      shape: [1, 3, 32, 32],
      data: Array.from({ length: 3072 }, (_, i) => Math.sin(i)),
    },
  ],
};

let models: ModelFolder;
let gateway: GatewayProcess;
const children: ChildProcess[] = [];
beforeAll(async () => {
  models = await makeModelFolder();
  await models.add('net', smallConvNet());
  gateway = await startGatewayProcess(['--models', models.path, '--listen', '127.0.0.1:0', '--threads', '1']);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await gateway.kill('SIGKILL');
  await models.remove();
});

it('answers over HTTP through a gateway, by itself once that is gone, and exits with 0 when told to stop', async () => {
  const config = join(models.path, 'edge.yaml');
  await writeFile(config, `broker: ${gateway.broker}\nmodels: {net: net/model.onnx}\nlisten: 127.0.0.1:0\n`);
  const edge = await launch(EDGE, ['run', '--config', config]);
  const model = `${edge.ready.url}/v2/models/net`;

  const { parameters } = await (await fetch(model)).json();
  const arm = parameters.arms.find((id: string) => id.endsWith('float32+deflate'));
  const local = await infer(model, { ...BODY, parameters: { arm: 'device' } });
  const split = await infer(model, { ...BODY, parameters: { arm } });
  expect(split.parameters).toMatchObject({ arm, gateway: gateway.gateway });
  expect(split.parameters).not.toHaveProperty('fallback');
  for (const [index, value] of split.outputs[0].data.entries()) {
    expect(value).toBeCloseTo(local.outputs[0].data[index], 4);
  }

  await gateway.kill('SIGKILL');
  const alone = await infer(model, BODY);
  expect(alone.outputs[0].data).toHaveLength(10);

  edge.child.kill('SIGTERM');
  expect(await edge.ended).toBe(0);
});

it.each([
  [[], /cutpoint-edge run/],
  [['run'], /broker/],
  [['run', '--model', 'net'], /NAME=PATH/],
  [
    ['run', '--broker', 'mqtt://127.0.0.1', '--model', 'net=/missing.onnx', '--listen', '0.0.0.0:1'],
    /loopback/,
  ],
])('exits with 2 for the command line %j', async (argv, message) => {
  let errors = '';
  const code = await runProgram({
    argv,
    writeOut: () => {},
    writeError: (text) => {
      errors += text;
    },
    stopRequested: () => new Promise(() => {}),
  });
  expect(errors).toMatch(message);
  expect(code).toBe(2);
});

async function infer(model: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${model}/infer`, { method: 'POST', headers, body: JSON.stringify(body) });
  const json = await reply.json();
  expect(json).not.toHaveProperty('error');
  return json;
}

/** A program from source, and the line of JSON that it prints when it is ready. */
async function launch(program: string, args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args, '--log-level', 'warn'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const line = new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
  const failed = ended.then((how) => Promise.reject(new Error(`${program} ended with ${how}`)));
  failed.catch(() => {}); // It ends some time; only the wait for its line may fail by that.
  return { child, ended, ready: JSON.parse(await Promise.race([line, failed])) };
}
