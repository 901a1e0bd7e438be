import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

export default defineConfig({
  ssr: { resolve: { conditions: ['@cutpoint/source', 'module', 'node', 'development|production'] } },
  test: {
    include: [
      'sdk/src/**/*.test.ts',
      'edge-agent/src/**/*.test.ts',
      'cloud-gateway/src/**/*.test.ts',
      'samples/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // A machine may be three times slower than the one on which a test was written.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
