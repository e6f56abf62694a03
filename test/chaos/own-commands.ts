/** A host with commands of a team's own and no Docker: each slot is one server process that answers for its release. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/processes.js';
import type { Commit } from './committer.js';
import type { Publish } from './ground.js';
import { runningOperations } from './operations.js';

const exec = promisify(execFile);

const SERVER = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { PORT: port, SLOT: slot } = process.env;
const { version, quality } = JSON.parse(readFileSync(new URL('release.json', import.meta.url), 'utf8'));
createServer((request, response) => {
  if (['blue', 'green'].includes(slot)) response.setHeader('x-colour', slot);
  const isBad = quality === 'sick' || (quality === 'errs' && request.url === '/orders');
  response.writeHead(isBad ? 500 : 200).end(version + '\\n');
}).listen(Number(port), '127.0.0.1');
`;

/** Repeatable, and killable between any two lines: what runs in a slot is found by its command line, not by a pid file. */
const COMMAND = (repository: string): string => `#!/bin/sh
# shop deploy|inspect|retire SLOT, shop restore SLOT COMMIT-OR-TAG, shop ask SLOT PATH
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
deploy)
  test ! -e "$here/refuse" || { echo "no room for $SLIPWAY_COMMIT" >&2; exit 1; }
  start "$SLIPWAY_COMMIT"
  ;;
ask) curl -fsS --max-time 2 "http://127.0.0.1:$(cat "$here/ports/$slot")$3" ;;
restore) start "$(git --git-dir="${repository}/.git" rev-parse --verify "$3^{commit}")" ;;
inspect) pgrep -a -f -- "$running" | sed -n '1s/.* //p' || true ;;
retire) stop ;;
esac
`;

/** What lies in the home of the host's user; a port for each slot. A file `refuse` there makes every deploy fail. */
export async function furnishHost(
  home: string,
  repository: string,
  ports: Record<string, number>,
): Promise<void> {
  await mkdir(path.join(home, 'ports'));
  await mkdir(path.join(home, 'releases'));
  for (const [slot, port] of Object.entries(ports))
    await writeFile(path.join(home, 'ports', slot), String(port));
  const command = path.join(home, 'shop');
  await writeFile(command, COMMAND(repository));
  await chmod(command, 0o755);
}

/** Ends what was started there, and first what would start more; the host is given back as it was. */
export async function clearHost(home: string): Promise<void> {
  await until('the commands on the host to end', async () => (await runningOperations(home)).length === 0);
  for (const slot of await readdir(path.join(home, 'ports')))
    await exec(path.join(home, 'shop'), ['retire', slot]);
}

/** What is wrong on the host, in words. `expected`: the commit each slot must run, null = nothing. */
export async function judgeSlots(
  host: string,
  home: string,
  expected: Record<string, string | null>,
): Promise<string[]> {
  const wrongs: string[] = [];
  for (const [slot, wanted] of Object.entries(expected)) {
    const found = await inspectSlot(home, slot);
    if (found !== wanted)
      wrongs.push(`${host}: ${slot} runs ${found ?? 'nothing'}, not ${wanted ?? 'nothing'}`);
  }
  return wrongs;
}

/** The commit a slot serves, as the host itself says; null when nothing runs there. */
export async function inspectSlot(home: string, slot: string): Promise<string | null> {
  const { stdout } = await exec(path.join(home, 'shop'), ['inspect', slot]);
  return stdout.trim() === '' ? null : stdout.trim();
}

/** `platform:` of a slot; `shop` is the command as the host's user finds it. */
export function ownCommands(shop: string, slot: string): string {
  return `
      command: ${shop} deploy ${slot}
      inspect: ${shop} inspect ${slot}
      restore: ${shop} restore ${slot} {previous-tag}
      retire: ${shop} retire ${slot}`;
}

/** What every release of a team without Docker consists of. */
export function createPublisher(commit: Commit, text: string, knownHosts: string): Publish {
  return async (version, quality) =>
    await commit(version, quality, {
      'slipway.yaml': text,
      known_hosts: knownHosts,
      'shop/server.mjs': SERVER,
      'shop/release.json': JSON.stringify({ version, quality }),
    });
}
