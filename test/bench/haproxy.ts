/** HAProxy in front of two colours, as both Slipway and the bare script switch it: by its socket and a map on disk. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Colour } from '../../pipeline/plan.js';
import { createHaproxy } from '../support/haproxy.js';
import { freePort } from '../support/sshd.js';
import type { Ends } from './ends.js';

export interface ColoursBehindHaproxy {
  /** Through the proxy. */
  url: string;
  socket: string;
  map: string;
}

/** Blue is served; `name` is the key of the map, and its backends are `name_blue` and `name_green`. */
export async function startHaproxy(
  ends: Ends,
  name: string,
  backends: Record<Colour, string>,
): Promise<ColoursBehindHaproxy> {
  const haproxy = await createHaproxy();
  ends.push(() => haproxy.stop());
  const port = await freePort();
  const socket = path.join(haproxy.folder, 'slipway.sock');
  const map = path.join(haproxy.folder, 'slipway', `${name}.map`);
  await mkdir(path.dirname(map));
  await writeFile(map, `${name} ${name}_blue\n`);
  await writeFile(
    haproxy.configuration,
    `global
    stats socket ${socket} mode 600 level admin
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend web
    bind 127.0.0.1:${port}
    use_backend %[str(${name}),map(${map})]
backend ${name}_blue
    server blue ${backends.blue}
backend ${name}_green
    server green ${backends.green}
`,
  );
  await haproxy.start(socket);
  return { url: `http://127.0.0.1:${port}`, socket, map };
}
