import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const codecServer: CommandSpec = {
  name: 'codec-server',
  arguments: '',
  summary: 'shows encrypted payloads to the Temporal UI and CLI; needs SLIPWAY_PAYLOAD_KEYS',
  options: [
    {
      flags: '--token-file <path>',
      summary: 'file with the bearer token to ask for, readable by its owner only',
    },
    { flags: '--origin <url>', summary: 'of the UI, for browsers (default: none is let in)' },
    { flags: '--address <host:port>', summary: 'where to listen (default: 127.0.0.1:8081)' },
  ],
  examples: [
    'slipway codec-server --token-file /etc/slipway/codec-token --origin https://temporal.example.com',
  ],
  exits: [EXIT.interrupted],
  run: async (invocation) => (await import('../serve-codec.js')).serveCodec(invocation),
};
