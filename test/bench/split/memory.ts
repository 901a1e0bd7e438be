/** Prints the resident set in megabytes after one run of a model as N segments: `node memory.ts MODEL N`. */
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openChain } from '../../../sdk/src/session/open-chain.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { evenCuts } from './suite.ts';

const [path = '', segments = '1'] = process.argv.slice(2);
const shape = [1, 3, 224, 224];
const runtime = await createOrtNode();
const model = await openModel(fileSource(path), runtime, { inputShapes: { input: shape } });
const chain = await openChain(model, Number(segments) > 1 ? evenCuts(model, Number(segments)) : [], runtime);
await chain.run({ feeds: { input: randomTensor(randomNumbers(1), shape) }, fetches: ['output'] });
console.log(Math.round(process.memoryUsage().rss / 1e6));
await runtime.close();
