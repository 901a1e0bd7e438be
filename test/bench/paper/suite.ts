/**
 * Plans against the real thing: seven nets, two devices, five links; what the plan predicts and what a session takes, and
 * what the planners of the literature would have picked. `--model NAME` measures one net; `--cells FOLDER` keeps the cells
 * of each net in a file and takes those that are there, so that the suite can be run in parts.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Suite } from '../main.ts';
import { type Cell, cellFigures } from './cell-figures.ts';
import { measureNet, type Progress } from './measure-net.ts';
import { PAPER_NETS, type PaperNet } from './nets.ts';
import { paperReport } from './report.ts';

export const paperSuite: Suite = {
  async run(progress, flags) {
    const { model, cells: folder } = readFlags(flags);
    const cells: Cell[] = [];
    for (const net of PAPER_NETS) cells.push(...(await cellsOf(net, { model, folder, progress })));
    if (cells.length === 0) throw new Error(`no net is called ${model}`);
    progress(paperReport(cells));
    return { ...cellFigures(cells) };
  },
};

function readFlags(flags: readonly string[]) {
  const { values } = parseArgs({
    args: [...flags],
    options: { json: { type: 'boolean' }, model: { type: 'string' }, cells: { type: 'string' } },
  });
  return values;
}

interface Part {
  readonly model: string | undefined;
  readonly folder: string | undefined;
  readonly progress: Progress;
}

/** Measured, or as they were kept; none of a net that is neither wanted nor kept. */
async function cellsOf(net: PaperNet, { model, folder, progress }: Part): Promise<readonly Cell[]> {
  const file = folder === undefined ? undefined : join(folder, `${net.name}.json`);
  if (model !== net.name) {
    if (file !== undefined && existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Cell[];
    if (model !== undefined) return [];
  }
  const cells = await measureNet(net, progress);
  if (folder !== undefined && file !== undefined) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, `${JSON.stringify(cells, null, 1)}\n`);
  }
  return cells;
}
