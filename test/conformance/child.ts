/** A process that checks cases, one after the other, until its parent goes away. ONNX Runtime may crash it. */
import type { Stage } from './check-case.ts';

// onnxruntime-node wraps float16 in a Float16Array where there is one, and its native half then finds nothing in it.
Reflect.deleteProperty(globalThis, 'Float16Array');
const { checkCase } = await import('./check-case.ts');

process.on('message', (name: string) => {
  const enter = (stage: Stage) => process.send?.({ stage });
  checkCase(name, enter).then(
    (result) => process.send?.({ result }),
    (error: unknown) => {
      process.send?.({ result: { name, result: 'failed', cuts: 0, wrong: 0, reason: String(error) } });
    },
  );
});
process.on('disconnect', () => process.exit(0));
