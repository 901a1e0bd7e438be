/**
 * Every generated architecture at full size, cut at every offered place, single rows and rows of three:
 * `node tools/run.mjs test/nightly/architectures.ts [NAME] [--scale 0.5] [--executor chain] [--json]`.
 * Exact at level `extended` and within 1e-5 at `all`, or the exit code is 1.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { executorsNamed, openNamed } from '../../sdk/src/cli/executors.ts';
import { offeredCuts } from '../../sdk/src/cut/candidates.ts';
import { renderTable } from '../../sdk/src/report/table.ts';
import { createOrtNode } from '../../sdk/src/runtime/ort-node.ts';
import type { GraphOptimization, Runtime } from '../../sdk/src/runtime/runtime.ts';
import type { ExecutorKind } from '../../sdk/src/session/open-executor.ts';
import { openModel } from '../../sdk/src/session/open-model.ts';
import { fileSource } from '../../sdk/src/source/file.ts';
import { verifyCuts } from '../../sdk/src/verify/verify-cuts.ts';
import type { Architecture } from '../support/models/architecture.ts';
import { architectureFeeds, architectureShapes } from '../support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../support/models/architectures.ts';

const TOLERANCE = 1e-5;
/** As many as a session has. */
const TOGETHER = 8;

interface Finding {
  readonly name: string;
  readonly executor: string;
  readonly megabytes: number;
  readonly offered: number;
  /** Cuts that are bit for bit the whole model at level `extended`. */
  readonly exact: number;
  /** Largest relative difference at level `all`. */
  readonly worstAtAll: number;
  readonly seconds: number;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    executor: { type: 'string', default: 'chain' },
    json: { type: 'boolean', default: false },
  },
});
const runtime = await createOrtNode();
const findings: Finding[] = [];
const wanted = (positionals[0] ?? '').toLowerCase();
for (const architecture of ARCHITECTURES.filter(({ name }) => name.toLowerCase().includes(wanted))) {
  for (const executor of executorsNamed(flags.executor)) {
    const finding = await examine(architecture, executor, runtime, Number(flags.scale));
    findings.push(finding);
    console.error(
      `${finding.name}: ${finding.exact} of ${finding.offered} exact, ${finding.seconds.toFixed(0)} s`,
    );
  }
}
await runtime.close();
console.log(flags.json ? JSON.stringify(findings) : table(findings));
process.exitCode = findings.every(isSound) ? 0 : 1;

async function examine(
  architecture: Architecture,
  executor: ExecutorKind,
  runtime: Runtime,
  scale: number,
): Promise<Finding> {
  const startMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-'));
  try {
    const path = join(folder, 'model.onnx');
    const bytes = architecture.make({ scale });
    await writeFile(path, bytes);
    const model = await openModel(fileSource(path), runtime, {
      inputShapes: architectureShapes(architecture, { scale }),
    });
    const cuts = offeredCuts(model.cuts, model.graph);
    const [feeds = {}, three = {}] = [1, 3].map((batch) => architectureFeeds(architecture, { scale, batch }));
    const verdictsAt = (optimization: GraphOptimization) =>
      verifyCuts({
        source: model.source,
        runtime,
        optimization,
        outputs: model.outputs.map(({ name }) => name),
        feeds: [feeds, three],
        cuts,
        together: TOGETHER,
        openExecutor: (group) => openNamed(executor, { model, runtime, optimization, feeds }, group),
      });
    const extended = await verdictsAt('extended');
    const all = await verdictsAt('all');
    return {
      name: architecture.name,
      executor,
      megabytes: bytes.length / 1e6,
      offered: cuts.length,
      exact: extended.filter(({ isExact }) => isExact).length,
      worstAtAll: Math.max(0, ...all.map(({ relative }) => relative)),
      seconds: (performance.now() - startMs) / 1000,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function isSound({ offered, exact, worstAtAll }: Finding): boolean {
  return exact === offered && worstAtAll <= TOLERANCE;
}

function table(rows: readonly Finding[]): string {
  const columns = [
    'architecture',
    'executor',
    { title: 'file', unit: 'MB' },
    { title: 'offered', unit: 'cuts' },
    { title: 'exact', unit: 'extended' },
    { title: 'worst', unit: 'at all' },
    { title: 'took', unit: 's' },
  ];
  return renderTable(
    columns,
    rows.map((row) => [
      row.name,
      row.executor,
      row.megabytes,
      row.offered,
      row.exact,
      row.worstAtAll === 0 ? 'exact' : row.worstAtAll.toExponential(1),
      row.seconds,
    ]),
  );
}
