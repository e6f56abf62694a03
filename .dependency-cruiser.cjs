/** The rooms and their arrows (CONTRIBUTING.md). test/unit/house/rooms.test.ts plants a violation and expects it caught. */
const npm = (names) => `^node_modules/(${names.join('|')})/`;
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pipeline-is-pure',
      severity: 'error',
      from: { path: '^pipeline/' },
      to: {
        pathNot: [
          '^pipeline/',
          npm([
            'zod',
            'yaml',
            'semver',
            '@types/semver',
            'fastest-levenshtein',
            'json-canonicalize',
            'picomatch',
            '@types/picomatch',
            're2js',
          ]),
          '^(node:)?crypto$',
        ],
      },
    },
    {
      name: 'workflows-decide-only',
      severity: 'error',
      from: { path: '^workflows/' },
      to: {
        pathNot: ['^workflows/', '^pipeline/plan\\.ts$', npm(['@temporalio/workflow', '@temporalio/common'])],
      },
    },
    {
      name: 'activities-act',
      severity: 'error',
      from: { path: '^activities/' },
      to: { path: '^(workers|client|test)/' },
    },
    {
      name: 'payloads-know-no-release',
      comment: 'client and workers share it, and the workflows of a sealed bundle',
      severity: 'error',
      from: { path: '^payloads/' },
      to: {
        pathNot: [
          '^payloads/',
          npm(['@temporalio/activity', '@temporalio/common', '@temporalio/worker', '@temporalio/workflow']),
          '^(node:)?(crypto|fs|url)$',
        ],
      },
    },
    {
      name: 'workflow-side-is-pure',
      comment: 'it is bundled with the workflows',
      severity: 'error',
      from: { path: '^payloads/(workflow-side|failure-converter|place|refused)\\.ts$' },
      to: {
        pathNot: [
          '^payloads/(failure-converter|place|refused)\\.ts$',
          npm(['@temporalio/workflow', '@temporalio/common']),
        ],
      },
    },
    { name: 'workers-run', severity: 'error', from: { path: '^workers/' }, to: { path: '^(client|test)/' } },
    {
      name: 'client-asks',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^(activities|workers|test)/' },
    },
    {
      name: 'names-load-nothing',
      comment: 'the client imports it at start-up',
      severity: 'error',
      from: { path: '^workflows/names\\.ts$' },
      to: { path: '.' },
    },
  ],
  options: { tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' }, exclude: { path: '^dist/' } },
};
