/**
 * The order of test files: the longest first, so that none is left to run alone at the end beside an idle processor. Only what
 * takes both processors for itself comes last.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Half a minute and more, the longest first. */
const LONG = [
  'sdk/src/verify/architectures.test.ts',
  'test/browser/samples.test.ts',
  'test/packages/quickstart.test.ts',
  'test/packages/pack.test.ts',
  'test/e2e/gateway-dies.test.ts',
  'test/browser/session.test.ts',
  'test/faults/outages.test.ts',
  'test/e2e/pipeline.test.ts',
  'test/e2e/u-shape.test.ts',
  'test/ota/updates.test.ts',
  'sdk/src/verify/real-models.test.ts',
  'sdk/src/cli/program.test.ts',
];

const LAST = 'test/e2e/start.test.ts';

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const others = await super.sort(files);
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((path) => moduleId.endsWith(path));
      if (moduleId.endsWith(LAST)) return LONG.length + 1;
      return at < 0 ? LONG.length : at;
    };
    return others.toSorted((a, b) => place(a) - place(b));
  }
}
