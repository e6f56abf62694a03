/** One HAProxy in front of both teams' colours. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createHaproxy } from '../../support/haproxy.js';
import { freePort } from '../../support/sshd.js';
import type { Breakable } from '../ground.js';
import { COLOURS, WEB_PORTS, type ProxyDoor, type SlotPorts } from './swarm-places.js';

export async function createProxy(
  shopPorts: SlotPorts,
  swarmAddress: string,
): Promise<Breakable & { shop: ProxyDoor; web: ProxyDoor; stop: () => Promise<void> }> {
  const haproxy = await createHaproxy();
  const socket = path.join(haproxy.folder, 'slipway.sock');
  const maps = path.join(haproxy.folder, 'slipway');
  await mkdir(maps);
  const openDoor = async (name: string): Promise<ProxyDoor> => {
    const map = path.join(maps, `${name}.map`);
    await writeFile(map, `${name} ${name}_blue\n`);
    return { port: await freePort(), socket, map };
  };
  const [shop, web] = [await openDoor('shop'), await openDoor('web')];
  const frontend = (name: string, { port, map }: ProxyDoor): string => `
frontend ${name}
    bind 127.0.0.1:${port}
    use_backend %[str(${name}),map(${map})]`;
  const backends = COLOURS.map(
    (colour) => `
backend shop_${colour}
    server ${colour} 127.0.0.1:${shopPorts[colour]}
backend web_${colour}
    http-after-response set-header X-Colour ${colour}
    server ${colour} ${swarmAddress}:${WEB_PORTS[colour]}`,
  );
  await writeFile(
    haproxy.configuration,
    `global
    stats socket ${socket} mode 600 level admin
    hard-stop-after 5s
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
${frontend('shop', shop)}
${frontend('web', web)}
${backends.join('')}
`,
  );
  await haproxy.start(socket);
  return { shop, web, break: haproxy.crash, mend: () => haproxy.start(socket), stop: haproxy.stop };
}
