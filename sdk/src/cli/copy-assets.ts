/** `cutpoint copy-assets`: the files that a page loads, into one folder of the site. */
import type { Command } from 'commander';
import { copyAssets } from '../assets/copy-assets.ts';
import { SplitError } from '../errors.ts';
import type { ExitCode, Verb, World } from './verb.ts';

interface CopyAssetsFlags {
  readonly webgpu: boolean;
}

export const copyAssetsVerb: Verb<CopyAssetsFlags> = { name: 'copy-assets', describe, run };

function describe(command: Command): void {
  command
    .description('put the files that a page loads into a folder of your site')
    .argument('<dir>', 'where they go; made if need be')
    .option('--no-webgpu', "without ONNX Runtime's build for WebGPU, 27 MB")
    .addHelpText(
      'after',
      "\nThe page then says createSplitSession(model, { assets: '/cutpoint/', ... }); see docs/browser.md.\n\nExample:\n  $ cutpoint copy-assets public/cutpoint",
    );
}

async function run(directory: string, { webgpu }: CopyAssetsFlags, { writeOut }: World): Promise<ExitCode> {
  if (directory === '') throw new SplitError('options-invalid', 'no folder given');
  const names = await copyAssets(directory, { webgpu });
  writeOut(`${names.length} files in ${directory}:\n${names.map((name) => `  ${name}\n`).join('')}`);
  return 0;
}
