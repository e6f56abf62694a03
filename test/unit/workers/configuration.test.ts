import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../workers/configuration.js';

describe('readConfiguration', () => {
  test('a worker without flags joins an existing Temporal, endpoints on this machine only', () => {
    expect(readConfiguration([], { SLIPWAY_DATA: '/data' })).toMatchObject({
      mode: 'worker',
      dataFolder: '/data',
      metrics: { host: '127.0.0.1', port: 9464, required: false },
      health: { host: '127.0.0.1', port: 9465, required: false },
      shutdownGraceMs: 10_000,
    });
  });

  test('up takes ports; the UI is a thousand above the server unless named', () => {
    expect(readConfiguration(['up', '--port', '7300'], {})).toMatchObject({
      temporalPort: 7300,
      uiPort: 8300,
    });
    expect(readConfiguration(['up', '--ui-port', '9000'], {})).toMatchObject({
      temporalPort: 7233,
      uiPort: 9000,
    });
  });

  test('an endpoint that was named must be free, `off` switches it off', () => {
    const env = { SLIPWAY_METRICS_ADDRESS: '0.0.0.0:9999', SLIPWAY_HEALTH_ADDRESS: 'off' };
    expect(readConfiguration([], env)).toMatchObject({
      metrics: { host: '0.0.0.0', port: 9999, required: true },
      health: null,
    });
  });

  test.each([
    [['up', '--port', '0'], {}, '--port 0: not a port; give a number from 1 to 65535'],
    [['up', '--port', 'http'], {}, '--port http: not a port; give a number from 1 to 65535'],
    [['dance'], {}, 'dance: no such mode; there are worker, up and check'],
    [[], { SLIPWAY_METRICS_ADDRESS: '9464' }, 'SLIPWAY_METRICS_ADDRESS=9464: give host:port, or off'],
    [[], { SLIPWAY_UI_URL: 'temporal.example.com' }, 'SLIPWAY_UI_URL=temporal.example.com: give an address'],
    [[], { SLIPWAY_SHUTDOWN_GRACE_MS: 'soon' }, 'SLIPWAY_SHUTDOWN_GRACE_MS=soon: not a positive number'],
  ])('%j %j is refused', (argv, env, message) => {
    expect(() => readConfiguration(argv, env)).toThrow(message);
  });
});
