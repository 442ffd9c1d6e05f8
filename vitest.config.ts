import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

// Hundreds of processes load the same modules: one of them compiles each, for all the others.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

const shared = {
  // Hours of kills and power cuts: `npm run test:faults`.
  exclude: [...configDefaults.exclude, 'tests/faults/campaign/**'],
  // Each file in a process of its own, so that a crash is seen as one and takes nothing along.
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 30_000,
  // What is waited for comes late on a busy machine: a second, which is the default, is no bound of anything.
  expect: { poll: { timeout: 10_000 } },
};

/** They measure time against a bound, so nothing else may run beside them. */
const MEASURED = [
  'tests/attacks/slow.test.ts',
  'tests/e2e/r08-*.test.ts',
  'tests/faults/slow-disk.test.ts',
  'tests/web/many-sessions.test.ts',
  'tests/web/markdown-smooth.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'together',
          include: ['tests/**/*.test.ts'],
          exclude: [...shared.exclude, ...MEASURED],
          // Most of the time a test waits for something: two cores are busy with three.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'measured',
          include: MEASURED,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
