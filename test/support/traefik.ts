/** A real Traefik of our own, with everything in a private folder that `stop()` removes. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { part } from './parts.js';
import { runProxy, type RunningProxy } from './run-proxy.js';

export interface Traefik extends RunningProxy {
  /** Stands for `/etc/traefik`; the static configuration is `traefik.yml` in it. */
  readonly folder: string;
  readonly configuration: string;
}

/** Not started yet: write `configuration` first. */
export async function createTraefik(): Promise<Traefik> {
  const program = await part('traefik');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-traefik-'));
  const configuration = path.join(folder, 'traefik.yml');
  return { folder, configuration, ...runProxy({ program, argv: ['--configfile', configuration], folder }) };
}
