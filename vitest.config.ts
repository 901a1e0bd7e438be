import { defineConfig } from 'vitest/config';

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
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
