import { defineConfig } from 'vitest/config';

const slow = { testTimeout: 120_000, hookTimeout: 300_000 };

/** What files load, Temporal's SDK before all, is loaded once per process, not once per file. */
const ISOLATE = false;

// Temporal, dockerd, a control plane: every server of the tests sweeps its memory less often, there is enough of it.
process.env['GOGC'] ??= '400';

export default defineConfig({
  test: {
    // threads segfault with Temporal's native core
    pool: 'forks',
    // Most tests wait for a server more than they compute.
    maxWorkers: 4,
    globalSetup: ['test/support/secrets-setup.ts'],
    // what the runs' Temporal has kept is searched for secrets
    teardownTimeout: 300_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], isolate: ISOLATE, testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: 'workflows',
          isolate: ISOLATE,
          include: ['test/{workflows,replay}/*.test.ts'],
          globalSetup: ['test/support/temporal-setup.ts'],
          ...slow,
        },
      },
      {
        extends: true,
        // what the four workflows are used for, one subject in each folder
        test: {
          name: 'subjects',
          isolate: ISOLATE,
          include: ['test/{commands,trust,workflows/*}/*.test.ts'],
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
      {
        extends: true,
        test: {
          name: 'activities',
          include: ['test/activities/**/*.test.ts'],
          isolate: ISOLATE,
          ...slow,
        },
      },
      {
        extends: true,
        // whole releases beside three others: on a slower machine they are late, not wrong
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...slow, testTimeout: 300_000 },
      },
    ],
  },
});
