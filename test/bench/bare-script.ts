/**
 * The same work by hand: bash, a clone that knows the repository, one open ssh connection (ControlMaster), docker and
 * haproxy on the host, curl here: from a version to its commit and its image, and the environment's tag in the end.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Colour } from '../../pipeline/plan.js';
import { commitTag } from '../../activities/build/build-command.js';
import { CONFIRMATIONS, PORT, type DockerWorld, type PushedRelease } from './docker-world.js';
import type { Ends } from './ends.js';

const exec = promisify(execFile);

// What it leaves out is what Slipway is for: fences, a way back, a record, being killed in the middle.
const DEPLOY = `
set -euo pipefail
colour=$1 version=$2 backend=$3 url=$4 socket=$5 map=$6 manifests=$7 repository=$8 clone=$9; shift 9
host() { ssh "\${SSH[@]}" "$@"; }
SSH=("$@")
type=application/vnd.docker.distribution.manifest.v2+json
git -C "$clone" fetch --quiet origin "refs/tags/$version:refs/tags/$version"
commit=$(git -C "$clone" rev-parse "$version^{commit}")
digest=$(curl -sfI -H "accept: $type" "$manifests/${commitTag('$commit')}" |
  sed -n 's/\\r$//; s/^docker-content-digest: //Ip')
image=$repository@$digest
echo "at $EPOCHREALTIME"
host /root/web deploy "$colour" "$image"
until [ "$(curl -s "$backend/index.html")" = "$colour" ]; do sleep 0.02; done
host "printf 'web web_%s\\\\n' $colour >$map.new && mv $map.new $map && perl -e '
  socket(S, 1, 1, 0) && connect(S, pack(\\"S a108\\", 1, shift)) or die;
  syswrite(S, shift().\\"\\\\n\\"); shutdown(S, 1); print while <S>;' $socket 'set map $map web web_$colour'"
urls=(); for _ in $(seq ${CONFIRMATIONS}); do urls+=("$url/index.html"); done
until [ "$(curl -s "\${urls[@]}" | grep -cx "$colour")" = ${CONFIRMATIONS} ]; do sleep 0.02; done
echo "at $EPOCHREALTIME"
curl -sf -H "accept: $type" "$manifests/$digest" |
  curl -sf -X PUT -H "content-type: $type" --data-binary @- "$manifests/by-hand-$colour"
`;

export interface BareScript {
  /** Seconds from the pull on the host to the last confirmation: without commit, digest and tag. */
  deploy(colour: Colour, release: PushedRelease): Promise<number>;
}

/** The connection is open and stays open. */
export async function startBareScript(ends: Ends, world: DockerWorld): Promise<BareScript> {
  const { host } = world;
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-bench-ssh-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const clone = path.join(folder, 'clone');
  await exec('git', ['clone', '--quiet', '--mirror', world.repositoryFolder, clone]);
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
    deploy: async (colour, { version, image }) => {
      const { url, proxy } = world;
      const backend = `http://${host.address}:${PORT[colour]}`;
      const [repository = ''] = image.slice(`${world.registry}/`.length).split('@');
      const manifests = `http://${world.registry}/v2/${repository}/manifests`;
      const from = [manifests, `${world.registry}/${repository}`, clone];
      const argv = [colour, version, backend, url, proxy.socket, proxy.map, ...from, ...destination];
      const { stdout } = await exec('bash', ['-c', DEPLOY, 'deploy', ...argv]);
      const [pulls, confirmed] = [...stdout.matchAll(/^at ([\d.]+)$/gm)].map(([, seconds]) =>
        Number(seconds),
      );
      if (pulls === undefined || confirmed === undefined) throw new Error(`no times in ${stdout}`);
      return confirmed - pulls;
    },
  };
}
