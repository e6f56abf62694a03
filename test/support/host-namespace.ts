/** What a host on this machine is made of: namespaces under an init of their own, accounts and keys. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeKey } from './sshd.js';
import { until } from './until.js';

/** Uid and gid of the unprivileged ssh user `deploy`, who is in the host's docker group. */
const DEPLOY_ID = 4000;
const DOCKER_GROUP_ID = 4001;
export const READY_WITHIN_MS = 60_000;

/** `/etc` with the user `deploy` in it, and homes. */
export async function writeAccounts(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const name of ['etc', 'etc-work']) await mkdir(path.join(folder, name));
  for (const home of ['root', 'deploy']) await mkdir(path.join(folder, 'homes', home), { recursive: true });
  await chown(path.join(folder, 'homes', 'deploy'), DEPLOY_ID, DEPLOY_ID);
  const passwd = await readFile('/etc/passwd', 'utf8');
  const group = await readFile('/etc/group', 'utf8');
  const others = (text: string, names: string[]): string =>
    text
      .split('\n')
      .filter((line) => line !== '' && !names.some((name) => line.startsWith(`${name}:`)))
      .join('\n');
  await writeFile(
    path.join(folder, 'etc', 'passwd'),
    `${others(passwd, ['deploy'])}\ndeploy:*:${DEPLOY_ID}:${DEPLOY_ID}::/home/deploy:/bin/sh\n`,
  );
  await writeFile(
    path.join(folder, 'etc', 'group'),
    `${others(group, ['deploy', 'docker'])}\ndeploy:x:${DEPLOY_ID}:\ndocker:x:${DOCKER_GROUP_ID}:deploy\n`,
  );
}

/** Keys of the host and its user, and what sshd is told of them. */
export async function writeKeys(
  folder: string,
  address: string,
): Promise<{ keyPath: string; knownHostsPath: string }> {
  const keyPath = path.join(folder, 'id_ed25519');
  const hostKey = path.join(folder, 'host_ed25519');
  for (const file of [keyPath, hostKey]) await makeKey(file);
  const knownHostsPath = path.join(folder, 'known_hosts');
  const [type = '', key = ''] = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ');
  await writeFile(knownHostsPath, `${address} ${type} ${key}\n`);
  const settings = [
    `ListenAddress ${address}:22`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${keyPath}.pub`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'Subsystem sftp internal-sftp',
    'MaxStartups 100',
    'LogLevel VERBOSE',
  ];
  await writeFile(path.join(folder, 'sshd_config'), `${settings.join('\n')}\n`);
  return { keyPath, knownHostsPath };
}

/** Init of the namespaces: private /run, homes and accounts, then it reaps until the end. */
export async function startNamespace(folder: string, boot: 'first' | 'again'): Promise<ChildProcess> {
  const setUp = [
    'mount -t tmpfs tmpfs /run',
    'mkdir -p /run/sshd /run/lock /home',
    `mount --bind ${folder}/homes/root /root`,
    `mount --bind ${folder}/homes /home`,
    // What the host writes below /etc (dockerd's identity, a proxy's configuration) stays its own.
    `mount -t overlay overlay -o lowerdir=/etc,upperdir=${folder}/etc,workdir=${folder}/etc-work /etc`,
    // Either version of cgroups, not both: crun takes no host that is neither one thing nor the other.
    '{ ! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified; }',
    ...(boot === 'first' ? ['rm -f /etc/docker/key.json /etc/docker/daemon.json'] : []),
    'ip link set lo up',
    `echo ready > ${folder}/init`,
    // A shell as init reaps what is orphaned, as long as it keeps waiting for a child.
    'while :; do sleep 1000 & wait $!; done',
  ].join(' && ');
  const argv = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', setUp];
  const init = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--propagation', 'private', ...argv], {
    stdio: 'ignore',
  });
  await until(
    `the namespace of ${folder}`,
    () => existsSync(path.join(folder, 'init')) || init.exitCode !== null,
    READY_WITHIN_MS,
  );
  if (init.exitCode !== null)
    throw new Error(`docker host: unshare ended with ${init.exitCode}; it needs root`);
  return init;
}

/** Pid of the namespace's init, as this process sees it: the only child of `unshare`. */
export async function initPid(init: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${init.pid}/task/${init.pid}/children`, 'utf8');
  return Number(children.trim().split(' ')[0]);
}
