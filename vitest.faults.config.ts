import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/faults/campaign/**/*.test.ts'],
    pool: 'forks',
    // One campaign at a time: they measure what happens under a load that they make themselves.
    fileParallelism: false,
    testTimeout: 4 * 3_600_000,
    hookTimeout: 60_000,
    passWithNoTests: true,
  },
});
