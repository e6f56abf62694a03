import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const up: CommandSpec = {
  name: 'up',
  arguments: '',
  summary: 'everything on one machine: Temporal on a file, a worker, the UI; Ctrl-C ends it, nothing is lost',
  options: [
    { flags: '--port <port>', summary: 'of Temporal (default: 7233)' },
    { flags: '--ui-port <port>', summary: 'of its UI (default: port + 1000)' },
    { flags: '--data <folder>', summary: 'database, clones and archives (default: ~/.slipway)' },
    { flags: '--in-memory', summary: 'keep nothing: for demonstrations' },
    { flags: '--demo', summary: 'release to production without a policy that protects it' },
  ],
  examples: [
    'slipway up   # metrics on 127.0.0.1:9464 and health on 127.0.0.1:9465, where these are free',
    'slipway up --port 7300 --data ./slipway-data',
    'SLIPWAY_METRICS_ADDRESS=off SLIPWAY_HEALTH_ADDRESS=127.0.0.1:9475 slipway up',
  ],
  exits: [EXIT.interrupted],
  run: async (invocation) => {
    const { runWorkerProgram } = await import('../worker-program.js');
    const flags = ['port', 'ui-port', 'data'].flatMap((name) => {
      const value = invocation.value(name);
      return value === null ? [] : [`--${name}`, value];
    });
    return runWorkerProgram(invocation, [
      'up',
      ...flags,
      ...['in-memory', 'demo'].flatMap((name) => (invocation.has(name) ? [`--${name}`] : [])),
    ]);
  },
};
