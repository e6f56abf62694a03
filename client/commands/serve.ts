import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const serve: CommandSpec = {
  name: 'serve',
  arguments: '',
  summary:
    'receives GitHub’s webhooks: a push starts what the pipeline file says; secret in SLIPWAY_WEBHOOK_SECRET',
  options: [
    { flags: '--host <address>', summary: 'to listen on (default: 127.0.0.1)' },
    { flags: '--port <port>', summary: 'to listen on (default: 9466)' },
    { flags: '--github <owner/name>', summary: 'repository on GitHub, where --repository does not say it' },
    {
      flags: '--config <path>',
      summary: 'several pipelines: a YAML file instead of --pipeline and --repository',
    },
    { flags: '--secret-file <path>', summary: 'webhook secrets, one a line' },
  ],
  examples: [
    'slipway serve --pipeline shop --repository https://github.com/acme/shop.git',
    'slipway serve --config webhooks.yaml --secret-file /etc/slipway/webhook-secrets --json',
  ],
  exits: [EXIT.interrupted],
  run: async (invocation) => {
    const { serveWebhooks } = await import('../webhooks/serve.js');
    return serveWebhooks(invocation);
  },
};
