/** samples/fleet-quickstart as its reader does it: packed packages, an empty folder, a client that is not ours. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OIP_PYTHON, oipClientMissing } from '../support/oip-client.ts';
import { type PackedPackage, packPackages, REPOSITORY } from '../support/packages.ts';
import { openShell, readSections, type Section, type Shell } from './quickstart.ts';

const README = join(REPOSITORY, 'samples/fleet-quickstart/README.md');
const LONGEST_MS = 400_000;

describe.skipIf(oipClientMissing())('the quickstart', () => {
  let folder: string;
  let packed: readonly PackedPackage[];
  let sections: readonly Section[];
  let shell: Shell;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-quickstart-'));
    packed = await packPackages(join(folder));
    sections = await readSections(README);
  }, LONGEST_MS);
  afterAll(async () => {
    await shell?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('leads a stranger from an empty folder to answers and to a new version', {
    timeout: LONGEST_MS,
  }, async () => {
    const [install, cloud, device, ask, look, version] = sections as [
      Section,
      Section,
      Section,
      Section,
      Section,
      Section,
    ];
    const outside = openShell(folder, dirname(process.execPath));
    const [make = '', init = '', npm = '', ...noMore] = install.commands;
    expect(noMore).toEqual([]);
    await outside.run(make);
    const place = join(folder, 'quickstart');
    shell = openShell(place, dirname(process.execPath));
    await shell.run(init);
    await shell.run(withTarballs(npm));

    for (const line of cloud.commands.slice(0, -1)) await shell.run(line);
    const gateway = await shell.start((cloud.commands.at(-1) ?? '').replace(':1883', ':0'));
    const [initialise = '', doctor = '', run = ''] = device.commands;
    await shell.run(initialise.replace('mqtt://127.0.0.1:1883', gateway.broker ?? ''));
    const lines = (await readFile(join(place, 'edge.yaml'), 'utf8')).trim().split('\n');
    expect(lines.length).toBeLessThan(15);
    // A port that is free here; the reader's is the usual one.
    await writeFile(join(place, 'edge.yaml'), `${lines.join('\n')}\nlisten: 127.0.0.1:0\n`);
    expect(await shell.run(doctor, [0, 3])).not.toContain('FAILURE');
    const edge = await shell.start(run);

    await writeFile(join(place, 'ask.py'), ask.files[0] ?? '');
    const question = (ask.commands.at(-1) ?? '')
      .replace('venv/bin/python', OIP_PYTHON ?? '')
      .replace('127.0.0.1:8080', new URL(edge.url ?? '').host);
    expect(await shell.run(question)).toMatch(/^\S+ \[\[\d\.\d+ +\d\.\d+ *\]\]\n$/);
    expect(await shell.run(look.commands[0] ?? '')).toMatch(
      /agent \S+ on camera-7.*broker connected[\s\S]*direction +base/,
    );
    expect(await shell.run(look.commands[1] ?? '')).toContain('the agent answers');

    for (const line of version.commands) await shell.run(line);
    expect(await shell.run(look.commands[0] ?? '')).toContain('rolled-back 2');
  });

  /** The packages from this repository instead of the registry's; all else as the reader has it. */
  function withTarballs(line: string): string {
    const words = line.split(' ').map((word) => {
      const own = packed.find(({ folder: name }) => word === `@cutpoint/${name}`);
      return own?.tarball ?? word;
    });
    return `${words.join(' ')} --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error`;
  }
});
