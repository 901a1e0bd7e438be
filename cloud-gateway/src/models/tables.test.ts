import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { calibrateTables } from '../../../sdk/src/codec/calibrate-tables.ts';
import { calibrationText } from '../../../sdk/src/planner/calibration.ts';
import { tablesText } from '../../../sdk/src/planner/calibration-tables.ts';
import type { Log } from '../log.ts';
import { joinTables, readModelTables } from './tables.ts';

const digest = 'ab'.repeat(32);
const data = Float32Array.from({ length: 1024 }, (_, place) => Math.max(0, Math.sin(place / 7)));
const tables = await calibrateTables([{ type: 'float32', dims: [1, 16, 8, 8], data }], 'uint8+context');
const calibration = {
  format: 'cutpoint-calibration' as const,
  version: 1 as const,
  modelDigest: digest,
  inputs: 1,
  metric: 'l2',
  budget: null,
  arms: [],
  tables: { [tables.id]: tablesText(tables) },
};

let folder: string;
let warnings: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-tables-'));
  warnings = [];
});
afterEach(() => rm(folder, { recursive: true }));

function read() {
  const [plan, besides] = ['plan.json', 'calibration.json'].map((file) => join(folder, file)) as [
    string,
    string,
  ];
  const log = { warn: (_: object, message: string) => warnings.push(message) } as unknown as Log;
  return readModelTables(
    { name: 'net', tablePaths: { 'plan.json': plan, 'calibration.json': besides } },
    digest,
    log,
  );
}

describe('tables beside a model', () => {
  it('are none, without a word, where there is no file', async () => {
    expect(await read()).toEqual(new Map());
    expect(warnings).toEqual([]);
  });

  it('are those of the calibration', async () => {
    await writeFile(join(folder, 'calibration.json'), calibrationText(calibration));
    expect(await read()).toEqual(new Map([[tables.id, tables]]));
    expect(warnings).toEqual([]);
  });

  it.each([
    ['is no JSON', '{', 'it is not JSON'],
    [
      'is of another model',
      calibrationText({ ...calibration, modelDigest: 'c'.repeat(64) }),
      'of model cccccccccccc',
    ],
    ['has another format', '{"format": "other"}', 'calibration.format'],
    [
      'has a wrong checksum',
      calibrationText({ ...calibration, tables: { '7': tablesText(tables) } }),
      'checksum',
    ],
  ])('are left out, and the log says why, where the file %s', async (_, text, message) => {
    await writeFile(join(folder, 'calibration.json'), text);
    expect(await read()).toEqual(new Map());
    expect(warnings).toEqual([expect.stringContaining(message)]);
  });
});

describe('tables of several models', () => {
  it('are found together, but for a number that means two different ones', () => {
    const other = { ...tables, bytes: tables.bytes.map((byte) => byte ^ 1) };
    expect(joinTables([new Map([[1, tables]]), new Map([[1, tables]]), new Map([[2, other]])])).toEqual(
      new Map([
        [1, tables],
        [2, other],
      ]),
    );
    expect(joinTables([new Map([[1, tables]]), new Map([[1, other]])])).toEqual(new Map());
  });
});
