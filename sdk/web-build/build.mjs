/**
 * Builds what a page loads: the page's module, the session's worker and ONNX Runtime's two, each one file without imports.
 *   node web-build/build.mjs [DIRECTORY]
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SOURCES = resolve(HERE, '../src');

const ENTRIES = [
  { name: 'cutpoint.js', source: 'web.ts' },
  { name: 'cutpoint-session.js', source: 'web/session-worker.ts', isSession: true },
  { name: 'cutpoint-ort.js', source: 'runtime/ort-web-worker.ts' },
  { name: 'cutpoint-ort-webgpu.js', source: 'runtime/ort-webgpu-worker.ts' },
];

/** MQTT.js is built for many worlds: here, only the one with WebSocket and native timers. See the files. */
const ALIAS = {
  mqtt: join(HERE, 'mqtt.mjs'),
  'readable-stream': join(HERE, 'streams.mjs'),
  // The list of buffers without the stream that it also is.
  bl: 'bl/BufferList.js',
  'lru-cache': join(HERE, 'lru-cache.mjs'),
  debug: join(HERE, 'debug.cjs'),
  'rfdc/default': join(HERE, 'plain-copy.cjs'),
  // Floats and base64 in buffers, which no packet of MQTT has.
  ieee754: join(HERE, 'nothing.mjs'),
  'base64-js': join(HERE, 'nothing.mjs'),
  'worker-timers': join(HERE, 'nothing.mjs'),
  'onnxruntime-common': join(HERE, 'plain-tensor.mjs'),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const directory = resolve(process.argv[2] ?? join(HERE, '../dist/web'));
  await buildWeb(directory);
}

/** @param {string} directory where the files go @param {{ withoutOrt?: boolean }} [options] to see what ours weighs */
export async function buildWeb(directory, options = {}) {
  await mkdir(directory, { recursive: true });
  for (const { name, source, isSession = false } of ENTRIES)
    await bundle(join(SOURCES, source), join(directory, name), { ...options, isSession });
}

/**
 * One source file and all that it imports as one module.
 * @param {string} input @param {string} file
 * @param {{ isSession?: boolean, withoutOrt?: boolean }} [options] `isSession`: with MQTT.js in it
 */
export async function bundle(input, file, { isSession = false, withoutOrt = false } = {}) {
  const build = await rolldown({
    input,
    platform: 'browser',
    ...(withoutOrt && { external: /^onnxruntime-/ }),
    resolve: {
      alias: isSession ? ALIAS : {},
      // ONNX Runtime's glue stays a file of its own, which its threads load as well.
      conditionNames: ['onnxruntime-web-use-extern-wasm', 'browser', 'import', 'default'],
    },
    ...(isSession && {
      transform: { inject: { Buffer: ['buffer', 'Buffer'], process: join(HERE, 'process.mjs') } },
    }),
    plugins: [withoutEval(), withoutJsonSchema(), versionOnly(), withoutSpareMethods()],
    logLevel: 'warn',
  });
  await build.write({
    ...{ file, format: 'esm', minify: true, sourcemap: true, codeSplitting: false },
    // Their content is in the map; where they lay on the machine that built it is nobody's business.
    sourcemapPathTransform: (source) => source.replace(/^.*\/node_modules\//, 'node_modules/'),
  });
  await build.close();
}

/** zod and cbor-x try whether the page allows eval, which a strict policy reports as an attack. They go without. */
function withoutEval() {
  return {
    name: 'without-eval',
    transform(code, id) {
      if (/zod.v4.core.util\.js$/.test(id))
        return replaced(
          code,
          id,
          /allowsEval = .*?cached\(\(\) => \{[\s\S]*?\n\}\);/,
          'allowsEval = { value: false };',
        );
      if (/cbor-x.decode\.js$/.test(id))
        return replaced(code, id, /new Function\(''\)/, "(() => { throw new Error('no eval') })()");
      return undefined;
    },
  };
}

/** zod can turn schemas into JSON Schema, which no page asks for: its functions stay, and do nothing. */
function withoutJsonSchema() {
  return {
    name: 'without-json-schema',
    transform(code, id) {
      if (!/zod.v4.core.(to-json-schema|json-schema-processors)\.js$/.test(id)) return undefined;
      const names = [...code.matchAll(/^export (?:const|function) (\w+)|^export \{ \w+ as (\w+) \};/gm)];
      const stubs = names.map(([, name, alias]) => `const ${name ?? alias}_ = () => () => undefined;`);
      const exported = names.map(([, name, alias]) => `${name ?? alias}_ as ${name ?? alias}`);
      return { code: `${stubs.join('\n')}\nexport { ${exported.join(', ')} };`, map: null };
    },
  };
}

/** MQTT.js asks its package.json for the version, which would bring the whole file along. */
function versionOnly() {
  return {
    name: 'version-only',
    async load(id) {
      if (!/node_modules.mqtt.package\.json$/.test(id)) return undefined;
      const { version } = JSON.parse(await readFile(id, 'utf8'));
      return { code: JSON.stringify({ version }), moduleType: 'json' };
    },
  };
}

/** Of what a buffer can do, a packet wants bytes, text and unsigned numbers of 8, 16 and 32 bits, large end first. */
function withoutSpareMethods() {
  const methods = /^(?:Buffer\.prototype\.\w+ =\n)?Buffer\.prototype\.(\w+) = [\s\S]*?^\}.*\n/gm;
  const spare =
    /^(?:(?:read|write)(?:Big|Float|Double|Int|UInt(?:\d*LE|BE))|swap|inspect|toJSON|compare|equals|fill|includes|(?:i|lastI)ndexOf)/;
  return {
    name: 'without-spare-methods',
    transform(code, id) {
      if (!/node_modules.buffer.index\.js$/.test(id)) return undefined;
      const kept = code.replace(methods, (method, name) => (spare.test(name) ? '' : method));
      if (kept.length > 0.8 * code.length) throw new Error(`${id} is not as it was: see withoutSpareMethods`);
      return { code: kept, map: null };
    },
  };
}

function replaced(code, id, pattern, text) {
  if (!pattern.test(code)) throw new Error(`${id} is not as it was: see withoutEval`);
  return { code: code.replace(pattern, text), map: null };
}
