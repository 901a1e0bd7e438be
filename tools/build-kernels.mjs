// Compiles the codec's kernels to WebAssembly and writes them as base64 into sdk/src/codec/kernels/generated.ts.
//   node tools/run.mjs tools/build-kernels.mjs [--check]
// With --check nothing is written: it fails where the file is not what the source builds.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = new URL('../sdk/src/codec/kernels/', import.meta.url);
const generated = fileURLToPath(new URL('generated.ts', folder));

/** The text of generated.ts. */
async function buildKernels() {
  const binary = await compile();
  return [
    '/** Built from kernels.as by tools/build-kernels.mjs. Do not edit. */',
    `export const KERNELS_BASE64: string =\n  '${Buffer.from(binary).toString('base64')}';`,
    '',
  ].join('\n');
}

async function compile() {
  let binary;
  // The compiler wants names that end in .ts; the sources' do not, so that TypeScript leaves them alone.
  const read = (name) => {
    const source = new URL(name.replace(/\.ts$/, '.as'), folder);
    return existsSync(source) ? readFileSync(source, 'utf8') : null;
  };
  const { error, stderr } = await asc.main(
    [
      'kernels.ts',
      '--outFile',
      'kernels.wasm',
      '-O3',
      '--converge',
      '--noAssert',
      '--runtime',
      'stub',
      '--enable',
      'simd',
    ],
    {
      readFile: read,
      writeFile: (_, contents) => {
        binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`the kernels do not compile: ${error.message}\n${stderr}`);
  return binary;
}

const text = await buildKernels();
if (!process.argv.includes('--check')) writeFileSync(generated, text);
else if (readFileSync(generated, 'utf8') === text) console.log('up to date');
else {
  console.error('generated.ts is not what kernels.as builds: node tools/run.mjs tools/build-kernels.mjs');
  process.exit(1);
}
