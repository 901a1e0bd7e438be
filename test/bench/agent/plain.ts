/** `node plain.ts FILE RUNS`: onnxruntime-node on a model as everybody uses it. Prints the bytes that the process holds after its runs. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { residentBytes } from '../../support/footprint.ts';
import { DIMS, picture } from './question.ts';

const [file = '', runs = '1'] = process.argv.slice(2);
const session = await InferenceSession.create(file, { intraOpNumThreads: 2, logSeverityLevel: 4 });
for (let run = 0; run < Number(runs); run++) await session.run({ x: new Tensor('float32', picture(), DIMS) });
console.log(residentBytes(process.pid));
