/** A real Caddy of our own, with everything in a private folder that `stop()` removes. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { part } from './parts.js';
import { runProxy, type RunningProxy } from './run-proxy.js';

export interface Caddy extends RunningProxy {
  /** Stands for `/etc/caddy`; the configuration is `Caddyfile` in it. */
  readonly folder: string;
  readonly configuration: string;
  /** `caddy reload` with the Caddyfile. */
  reload(adminAddress: string): Promise<void>;
}

/** Not started yet: write `configuration` first. `options` of `caddy run` follow the Caddyfile's. */
export async function createCaddy(options: string[] = []): Promise<Caddy> {
  const program = await part('caddy');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-caddy-'));
  const configuration = path.join(folder, 'Caddyfile');
  // where it keeps what its admin API was told
  const env = { XDG_CONFIG_HOME: path.join(folder, 'config'), XDG_DATA_HOME: path.join(folder, 'data') };
  const argv = ['run', '--config', configuration, '--adapter', 'caddyfile', ...options];
  return {
    folder,
    configuration,
    ...runProxy({ program, argv, folder, env }),
    reload: async (adminAddress) => {
      const where = ['--config', configuration, '--adapter', 'caddyfile', '--address', adminAddress];
      await execa(program, ['reload', ...where], { env });
    },
  };
}
