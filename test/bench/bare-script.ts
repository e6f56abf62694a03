/**
 * The same work by hand: bash, one open ssh connection (ControlMaster), docker and haproxy on the host, curl here, and
 * the environment's tag put on the digest in the end.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Colour } from '../../pipeline/plan.js';
import { CONFIRMATIONS, PORT, type DockerWorld } from './docker-world.js';
import type { Ends } from './ends.js';

const exec = promisify(execFile);

// What it leaves out is what Slipway is for: fences, a way back, a record, being killed in the middle.
const DEPLOY = `
set -euo pipefail
colour=$1 image=$2 backend=$3 url=$4 socket=$5 map=$6 manifests=$7; shift 7
host() { ssh "\${SSH[@]}" "$@"; }
SSH=("$@")
host /root/web deploy "$colour" "$image"
until [ "$(curl -s "$backend/index.html")" = "$colour" ]; do sleep 0.02; done
host "printf 'web web_%s\\\\n' $colour >$map.new && mv $map.new $map && perl -e '
  socket(S, 1, 1, 0) && connect(S, pack(\\"S a108\\", 1, shift)) or die;
  syswrite(S, shift().\\"\\\\n\\"); shutdown(S, 1); print while <S>;' $socket 'set map $map web web_$colour'"
urls=(); for _ in $(seq ${CONFIRMATIONS}); do urls+=("$url/index.html"); done
until [ "$(curl -s "\${urls[@]}" | grep -cx "$colour")" = ${CONFIRMATIONS} ]; do sleep 0.02; done
type=application/vnd.docker.distribution.manifest.v2+json
curl -sf -H "accept: $type" "$manifests/\${image#*@}" |
  curl -sf -X PUT -H "content-type: $type" --data-binary @- "$manifests/by-hand-$colour"
`;

export interface BareScript {
  deploy(colour: Colour, image: string): Promise<void>;
}

/** The connection is open and stays open. */
export async function startBareScript(ends: Ends, world: DockerWorld): Promise<BareScript> {
  const { host } = world;
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-bench-ssh-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const control = path.join(folder, 'control');
  const destination = [
    ...['-F', 'none', '-i', host.keyPath, '-o', `UserKnownHostsFile=${host.knownHostsPath}`],
    ...['-o', 'BatchMode=yes', '-o', `ControlPath=${control}`, `root@${host.address}`],
  ];
  await exec('ssh', ['-f', '-N', '-o', 'ControlMaster=yes', ...destination]);
  ends.push(async () => {
    await exec('ssh', ['-O', 'exit', ...destination]);
  });
  return {
    deploy: async (colour, image) => {
      const { url, proxy } = world;
      const backend = `http://${host.address}:${PORT[colour]}`;
      const [repository = ''] = image.slice(`${world.registry}/`.length).split('@');
      const manifests = `http://${world.registry}/v2/${repository}/manifests`;
      const argv = [colour, image, backend, url, proxy.socket, proxy.map, manifests, ...destination];
      await exec('bash', ['-c', DEPLOY, 'deploy', ...argv]);
    },
  };
}
