/**
 * The team without Docker: a host with commands of its own, prod in two colours behind the proxy and stage in place.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/processes.js';
import type { Commit, Quality } from './committer.js';
import { runningOperations } from './operations.js';
import { SLOTS, type ProxyDoor, type Slot, type SlotPorts } from './places.js';

const exec = promisify(execFile);

const SERVER = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { PORT: port, SLOT: slot } = process.env;
const { version, quality } = JSON.parse(readFileSync(new URL('release.json', import.meta.url), 'utf8'));
createServer((request, response) => {
  if (slot !== 'stage') response.setHeader('x-colour', slot);
  const isBad = quality === 'sick' || (quality === 'errs' && request.url === '/orders');
  response.writeHead(isBad ? 500 : 200).end(version + '\\n');
}).listen(Number(port), '127.0.0.1');
`;

/** Repeatable, and killable between any two lines: what runs in a slot is found by its command line, not by a pid file. */
const COMMAND = (repository: string): string => `#!/bin/sh
# shop deploy|inspect|retire SLOT, shop restore SLOT COMMIT-OR-TAG
set -eu
here=$(cd "$(dirname "$0")" && pwd)
slot=$2
mark="$here/run/$slot/"
# the brackets keep a pgrep that runs beside from finding itself
running="server[.]mjs $mark "

stop() {
  while pgrep -f -- "$running" >/dev/null; do
    pkill -KILL -f -- "$running" || true
    sleep 0.02
  done
}

start() {
  release="$here/releases/$1"
  if [ ! -d "$release" ]; then
    new="$release.$$"
    mkdir -p "$new"
    git --git-dir="${repository}/.git" archive "$1" shop | tar -x -C "$new"
    mv -T "$new" "$release" 2>/dev/null || rm -rf "$new"
  fi
  stop
  mkdir -p "$here/run/$slot"
  SLOT=$slot PORT=$(cat "$here/ports/$slot") setsid node "$release/shop/server.mjs" "$mark" "$1" </dev/null >>"$here/run/$slot.log" 2>&1 &
}

case "$1" in
deploy) start "$SLIPWAY_COMMIT" ;;
restore) start "$(git --git-dir="${repository}/.git" rev-parse --verify "$3^{commit}")" ;;
inspect) pgrep -a -f -- "$running" | sed -n '1s/.* //p' || true ;;
retire) stop ;;
esac
`;

/** What lies in the home of the host's user. */
export async function furnishHost(home: string, repository: string, ports: SlotPorts): Promise<void> {
  await mkdir(path.join(home, 'ports'));
  await mkdir(path.join(home, 'releases'));
  for (const slot of SLOTS) await writeFile(path.join(home, 'ports', slot), String(ports[slot]));
  const command = path.join(home, 'shop');
  await writeFile(command, COMMAND(repository));
  await chmod(command, 0o755);
}

/** The commit a slot serves, as the host itself says; null when nothing runs there. */
export async function inspectSlot(home: string, slot: Slot): Promise<string | null> {
  const { stdout } = await exec(path.join(home, 'shop'), ['inspect', slot]);
  return stdout.trim() === '' ? null : stdout.trim();
}

/** Ends what the shop runs, and first what would start more; the host is given back as it was. */
export async function clearHost(home: string): Promise<void> {
  await until('the commands on the host to end', async () => (await runningOperations(home)).length === 0);
  for (const slot of SLOTS) await exec(path.join(home, 'shop'), ['retire', slot]);
}

export interface Scenery {
  home: string;
  destination: string;
  keyPath: string;
  knownHostsPath: string;
  ports: SlotPorts;
  proxy: ProxyDoor;
}

function pipelineFile(scenery: Scenery): string {
  const { home, destination, keyPath, ports, proxy } = scenery;
  const platform = (slot: string): string => `
      command: ${home}/shop deploy ${slot}
      inspect: ${home}/shop inspect ${slot}
      restore: ${home}/shop restore ${slot} {previous-tag}
      retire: ${home}/shop retire ${slot}`;
  const host = `
    from: { tag: 'v*.*.*' }
    start: manual
    hosts: ["${destination}"]
    ssh: { key: "file:${keyPath}", known-hosts: known_hosts }
    timeout: 60s`;
  return `pipeline: shop
image: { folder: shop }
checks:
  health: { http: /health, timeout: 2s, retries: 20, interval: 250ms }
  orders: { http: /orders, timeout: 2s }
environments:
  prod:${host}
    queue: fifo
    strategy: blue-green
    platform:${platform('{colour}')}
    url: http://127.0.0.1:${proxy.port}
    traffic:
      haproxy: ${proxy.socket}
      map: ${proxy.map}
      key: shop
      backends: { blue: shop_blue, green: shop_green }
      colours: { blue: "http://127.0.0.1:${ports.blue}", green: "http://127.0.0.1:${ports.green}" }
      confirm: { url: /health, header: X-Colour, times: 5, timeout: 20s }
      drain: 200ms
    checks: [health]
    bake: { for: 1s, interval: 200ms, failures: 2, checks: [orders] }
    keep-warm: 15s
  stage:${host}
    queue: newest
    platform:${platform('stage')}
    url: http://127.0.0.1:${ports.stage}
    checks: [health]
    bake: { for: 1s, interval: 250ms, failures: 2, checks: [orders] }
`;
}

/** Commits a release under its tag; gives the full sha. */
export function createPublisher(
  commit: Commit,
  scenery: Scenery,
): (version: string, quality: Quality) => Promise<string> {
  return async (version, quality) =>
    await commit(version, quality, {
      'slipway.yaml': pipelineFile(scenery),
      known_hosts: await readFile(scenery.knownHostsPath, 'utf8'),
      'shop/server.mjs': SERVER,
      'shop/release.json': JSON.stringify({ version, quality }),
    });
}
