import { defineConfig } from 'vitest/config';

const BESIDE = [
  'test/e2e/{bad-luck,bad-luck-names,package,readme,secretmagic,katz-backend,secrets-leak}.test.ts',
];
const slow = { testTimeout: 120_000, hookTimeout: 300_000 };

export default defineConfig({
  test: {
    // threads segfault with Temporal's native core
    pool: 'forks',
    // Most tests wait for a server more than they compute.
    maxWorkers: 3,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        extends: true,
        test: {
          name: 'workflows',
          include: ['test/{workflows,replay}/**/*.test.ts'],
          globalSetup: ['test/support/temporal-setup.ts'],
          ...slow,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: ['test/support/temporal-setup.ts'],
          ...slow,
        },
      },
      { extends: true, test: { name: 'activities', include: ['test/activities/**/*.test.ts'], ...slow } },
      // These wait more than they compute; the others want the machine for themselves.
      { extends: true, test: { name: 'e2e-beside', include: BESIDE, ...slow } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: BESIDE,
          ...slow,
          fileParallelism: false,
        },
      },
    ],
  },
});
