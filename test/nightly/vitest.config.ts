import { defineConfig } from 'vitest/config';

/** What takes minutes: `npm run nightly`. */
export default defineConfig({
  ssr: { resolve: { conditions: ['@cutpoint/source', 'module', 'node', 'development|production'] } },
  test: {
    include: ['test/nightly/**/*.nightly.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 3_600_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
