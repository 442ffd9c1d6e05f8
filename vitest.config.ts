import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Hours of kills and power cuts: `npm run test:faults`.
    exclude: [...configDefaults.exclude, 'tests/faults/campaign/**'],
    // Each file in a process of its own, so that a crash is seen as one and takes nothing along.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
