import { describe, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { buildGraph } from '../onnx/graph.ts';
import { readModel } from '../onnx/model.ts';
import type { TensorInfo } from '../tensor.ts';
import { legalCuts } from './legal-cuts.ts';
import { surveyCuts } from './survey.ts';

const graph = buildGraph(readModel(smallConvNet()));
const names = ['input', 'output', ...graph.producers.keys()];
const types = new Map(
  names.map((name): [string, TensorInfo] => [name, { name, type: 'float32', shape: [1, 8] }]),
);
const survey = surveyCuts(legalCuts(graph, types, 'digest'), graph);

describe('surveyCuts', () => {
  it('gives a reason for each cut that is not offered, and for no other', () => {
    for (const { isOffered, reason } of survey) expect(isOffered).toBe(reason === undefined);
    expect(survey.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([
        'all in the cloud',
        'all on the device',
        'inside Conv|BatchNormalization',
        'inside BatchNormalization|Relu',
      ]),
    );
  });

  it('has all cuts by ascending position, and offers every candidate', () => {
    const positions = survey.map(({ cut }) => cut.position);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(survey.filter(({ isCandidate }) => isCandidate).length).toBeGreaterThan(2);
    for (const { isCandidate, isOffered } of survey) expect(isOffered || !isCandidate).toBe(true);
  });
});
