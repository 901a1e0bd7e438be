/** Flags that every verb on a model shares, and the model opened by them. */
import { type Command, Option } from 'commander';
import { SplitError } from '../errors.ts';
import { createOrtNode, type OrtNodeOptions } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import {
  type InputShapes,
  type OpenModelOptions,
  openModel,
  type SplitModel,
} from '../session/open-model.ts';
import { fileSource } from '../source/file.ts';

export interface ModelFlags {
  readonly shape?: InputShapes;
  readonly provider?: string;
  /** @default as createOrtNode */
  readonly threads?: number;
  readonly json?: boolean;
}

export interface OpenedModel {
  readonly model: SplitModel;
  readonly runtime: Runtime;
}

export function addModelFlags(command: Command): Command {
  return command
    .argument('<model>', 'an .onnx file')
    .addOption(
      new Option('--shape <name=dims>', 'shape of an input, such as x=1,3,480,640').argParser(addShape),
    )
    .option('--provider <name>', 'execution provider of ONNX Runtime', 'cpu')
    .option('--json', 'one JSON document on stdout');
}

/**
 * Opens the model, hands it to `use`, and closes the runtime after it.
 * @param createRuntime a session's by default
 */
export async function withModel<T>(
  path: string,
  { shape, provider, threads, onDigest }: ModelFlags & Pick<OpenModelOptions, 'onDigest'>,
  use: (opened: OpenedModel) => Promise<T>,
  createRuntime: (options: OrtNodeOptions) => Promise<Runtime> = createOrtNode,
): Promise<T> {
  const runtime = await createRuntime({
    ...(provider !== undefined && { provider }),
    ...(threads !== undefined && { threads }),
  });
  try {
    const model = await openModel(fileSource(path), runtime, { inputShapes: shape, onDigest });
    return await use({ model, runtime });
  } finally {
    await runtime.close();
  }
}

function addShape(text: string, earlier: InputShapes = {}): InputShapes {
  // The last one: a name may hold the sign itself.
  const at = text.lastIndexOf('=');
  const dims = text
    .slice(at + 1)
    .split(/[,x]/)
    .map(Number);
  if (at < 1 || !dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || text.endsWith('='))
    throw new SplitError('options-invalid', `--shape ${text} is not NAME=1,3,480,640`);
  return { ...earlier, [text.slice(0, at)]: dims };
}
