/** Plays a README as its reader would: the commands of its sections, in one folder, with other ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { strangerEnvironment } from '../support/packages.ts';

export interface Section {
  readonly title: string;
  /** Command lines of its `sh` blocks. */
  readonly commands: readonly string[];
  /** Its blocks of other languages. */
  readonly files: readonly string[];
}

export async function readSections(path: string): Promise<readonly Section[]> {
  const [, ...sections] = (await readFile(path, 'utf8')).split(/^## /m);
  return sections.map((text) => {
    const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
    return {
      title: text.split('\n')[0] ?? '',
      commands: blocks
        .filter(([, kind]) => kind === 'sh')
        .flatMap(([, , code = '']) => code.trim().split('\n')),
      files: blocks.filter(([, kind]) => kind !== 'sh').map(([, , code = '']) => code),
    };
  });
}

export interface Shell {
  /** Runs a command line to its end. @returns what it printed @throws Error with it for another exit code */
  run(line: string, allowed?: readonly number[]): Promise<string>;
  /** Starts one that stays. @returns the line of JSON that it prints when it is ready */
  start(line: string): Promise<Record<string, string>>;
  /** Ends all that were started. */
  stop(): Promise<void>;
}

/** @param path put before the PATH */
export function openShell(cwd: string, path: string): Shell {
  const env = { ...strangerEnvironment(), PATH: `${path}:${process.env.PATH}` };
  const started: ChildProcess[] = [];
  const launch = (line: string) =>
    // A group of its own: npx starts the program as its child.
    spawn('bash', ['-c', line], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });

  function run(line: string, allowed: readonly number[] = [0]): Promise<string> {
    const child = launch(line);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
    return new Promise((resolve, reject) => {
      child.once('close', (code) => {
        if (allowed.includes(code ?? -1)) resolve(text);
        else reject(new Error(`${line}: exit code ${code}\n${text}`));
      });
    });
  }

  function start(line: string): Promise<Record<string, string>> {
    const child = launch(line);
    started.push(child);
    let [out, errors] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      errors += piece;
    });
    return new Promise((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        out += piece;
        const ready = out.split('\n').find((each) => each.startsWith('{"ready":true') && each.endsWith('}'));
        if (ready !== undefined) resolve(JSON.parse(ready) as Record<string, string>);
      });
      child.once('close', (code) => reject(new Error(`${line}: exit code ${code}\n${errors}`)));
    });
  }

  async function stop(): Promise<void> {
    for (const child of started.splice(0).reverse()) {
      if (child.exitCode !== null || child.pid === undefined) continue;
      const ended = new Promise((resolve) => child.once('close', resolve));
      process.kill(-child.pid, 'SIGTERM');
      await ended;
    }
  }

  return { run, start, stop };
}
