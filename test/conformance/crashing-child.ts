/** Stands in for child.ts where a test needs a process that ends in the middle of a case. */
process.on('message', (name: string) => {
  process.send?.({ stage: name === 'crash later' ? 'cut' : 'reference' }, () => {
    if (name.startsWith('crash')) process.abort();
    else process.send?.({ result: { name, result: 'passed', cuts: 1, wrong: 0 } });
  });
});
process.on('disconnect', () => process.exit(0));
