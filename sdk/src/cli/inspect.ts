/** `cutpoint inspect`: where a model can be cut, and what would cross. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { surveyCuts } from '../cut/survey.ts';
import { inspectPage } from './inspect-page.ts';
import { inspectText } from './inspect-text.ts';
import type { Inspection } from './inspection.ts';
import { addModelFlags, type ModelFlags, withModel } from './model-flags.ts';
import { checkResultFiles, writeResult } from './result-file.ts';
import type { ExitCode, Verb, World } from './verb.ts';

interface InspectFlags extends ModelFlags {
  readonly all?: boolean;
  readonly html?: string;
}

export const inspectVerb: Verb<InspectFlags> = {
  name: 'inspect',
  describe,
  run: inspect,
};

function describe(command: Command): void {
  addModelFlags(command.description('list the cuts of a model: where, what crosses, and why not'))
    .option('--all', 'list cuts that are not offered too')
    .option('--html <file>', 'write one self-contained page')
    .addHelpText(
      'after',
      '\nExample:\n  $ cutpoint inspect model.onnx --shape x=1,3,480,640 --html cuts.html',
    );
}

async function inspect(path: string, flags: InspectFlags, world: World): Promise<ExitCode> {
  await checkResultFiles(flags);
  const inspection = await withModel(
    path,
    flags,
    async ({ model, runtime }): Promise<Inspection> => ({
      file: basename(path),
      digest: model.digest,
      ops: model.graph.nodes.map((node) => node.opType),
      inputs: model.inputs,
      shapes: flags.shape ?? {},
      cuts: surveyCuts(model.cuts, model.graph),
      runtime: runtime.description,
    }),
  );
  if (flags.html !== undefined) {
    const command = `cutpoint ${world.argv.join(' ')}`;
    await writeResult(flags.html, inspectPage(inspection, { command, date: world.now() }));
  }
  world.writeOut(flags.json ? inspectJson(inspection) : inspectText(inspection, flags, world.hasColours));
  return 0;
}

function inspectJson({ file, digest, ops, cuts }: Inspection): string {
  const list = cuts.map(({ cut, isOffered, isCandidate, reason }) => ({
    ...cut,
    offered: isOffered,
    candidate: isCandidate,
    reason: reason ?? null,
  }));
  return `${JSON.stringify({ model: file, digest, nodes: ops.length, cuts: list })}\n`;
}
