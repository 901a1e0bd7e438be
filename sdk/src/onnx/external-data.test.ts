import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './builder.ts';
import { externalRanges } from './external-data.ts';
import { readModel } from './model.ts';
import { WireWriter } from './wire-writer.ts';

describe('externalRanges', () => {
  it('joins stretches that touch or overlap, by file', () => {
    const ranges = [
      ['b', 0, 10],
      ['a', 100, 50],
      ['a', 0, 10],
      ['a', 10, 5],
      ['a', 120, 10],
      ['a', 0, 10],
    ] as const;
    expect(externalRanges(modelWith(ranges))).toEqual([
      { location: 'a', offset: 0, end: 15 },
      { location: 'a', offset: 100, end: 150 },
      { location: 'b', offset: 0, end: 10 },
    ]);
  });

  it('takes a stretch without length to the end of the file', () => {
    expect(externalRanges(modelNaming({ location: 'w', offset: '8' }))).toEqual([
      { location: 'w', offset: 8, end: null },
    ]);
  });

  it('finds weights of subgraphs', () => {
    const branch = new GraphBuilder('branch');
    branch.externalInitializer('inner', 'float32', [1], { location: 'w', offset: 4, length: 4 });
    branch.output(branch.node('Neg', ['inner']));
    const graph = new GraphBuilder();
    graph.input('yes', 'bool', []);
    graph.output(
      graph.node('If', ['yes'], { then_branch: { graph: branch }, else_branch: { graph: branch } }),
    );
    expect(externalRanges(readModel(graph.toBytes()))).toEqual([{ location: 'w', offset: 4, end: 8 }]);
  });

  it.each([
    { location: '../secret' },
    { location: 'a/../../secret' },
    { location: 'a\\..\\..\\secret' },
    { location: '/etc/passwd' },
    { location: 'C:\\secret' },
    { location: '' },
    { location: 'w', offset: '-1' },
    { location: 'w', offset: '1e3' },
    { location: 'w', length: '99999999999999999999' },
    { location: 'w', length: 'all' },
  ])('refuses %j', (entries) => {
    const act = () => externalRanges(modelNaming(entries));
    expect(act).toThrowError(expect.objectContaining({ code: 'model-invalid' }));
  });
});

function modelWith(ranges: readonly (readonly [location: string, offset: number, length: number])[]) {
  const builder = new GraphBuilder();
  for (const [i, [location, offset, length]] of ranges.entries())
    builder.externalInitializer(`w${i}`, 'uint8', [length], { location, offset, length });
  return readModel(builder.toBytes());
}

function modelNaming(entries: Readonly<Record<string, string>>) {
  const tensor = new WireWriter().int(1, 4).int(2, 1).text(8, 'w');
  for (const [key, value] of Object.entries(entries))
    tensor.message(13, new WireWriter().text(1, key).text(2, value));
  return readModel(new WireWriter().message(7, new WireWriter().message(5, tensor)).toBytes());
}
