/** How hosts and servers are hurt, whichever platform is on them. */
import { setTimeout as delay } from 'node:timers/promises';
import { LIST_PROXIES, portsKeptByDocker } from '../../activities/platforms/host-ports.js';
import { must } from '../support/base-image.js';
import type { DockerHost } from '../support/docker-host.js';
import type { Sshd } from '../support/sshd.js';
import type { Blow, Breakable } from './ground.js';

export function killed(weight: number, name: string, what: Breakable): Blow {
  return {
    weight,
    name,
    strike: async (forMs) => {
      await what.break();
      await delay(forMs);
      await what.mend();
    },
  };
}

/** `prefix`: of which host, when there are several. */
export function sshBlows(sshd: Pick<Sshd, 'crash' | 'start' | 'dropConnections'>, prefix = ''): Blow[] {
  return [
    killed(3, `${prefix}sshd killed`, { break: sshd.crash, mend: sshd.start }),
    { weight: 4, name: `${prefix}ssh connections cut`, strike: () => sshd.dropConnections() },
  ];
}

/** Dead for this long; then as its operator has it again, who follows what a release says of a port that is kept for nobody. */
async function withoutDocker(host: DockerHost, forMs: number): Promise<void> {
  await host.killDockerd();
  await delay(forMs);
  await startDocker(host);
  if (await keepsPorts(host)) await withoutDocker(host, 0);
}

/**
 * Docker 20.10 panics at every start over a network that it was killed in the middle of writing. Its operator lets it
 * forget them, and makes them again for the containers that could not be started without.
 */
async function startDocker(host: DockerHost): Promise<void> {
  try {
    await host.startDockerd();
  } catch (error) {
    if (!String(error).includes('reservePools')) throw error;
    await host.forgetNetworks();
    await host.startDockerd();
    await bringNetworksBack(host);
  }
}

const NETWORKED = [
  '{{$it := .}}{{range $name, $_ := .NetworkSettings.Networks}}{{$it.Id}} {{$name}}',
  '{{index $it.Config.Labels "com.docker.compose.project"}} {{index $it.Config.Labels "com.docker.compose.service"}}',
  '{{$it.State.Error}}{{println}}{{end}}',
].join(' ');

async function bringNetworksBack(host: DockerHost): Promise<void> {
  const ids = (await must(host.docker(['ps', '--all', '--quiet']))).stdout.split('\n').filter(Boolean);
  if (ids.length === 0) return;
  const { stdout } = await must(host.docker(['inspect', '--format', NETWORKED, ...ids]));
  for (const line of stdout.split('\n')) {
    const [id = '', network = '', project = '', service = '', ...error] = line.split(' ');
    if (!error.join(' ').includes('network')) continue;
    const labels = [`com.docker.compose.project=${project}`, 'com.docker.compose.network=default'];
    // another container's, made a moment ago
    await host.docker(['network', 'create', ...labels.flatMap((label) => ['--label', label]), network]);
    // it knows the old one by its id
    await must(host.docker(['network', 'disconnect', '--force', network, id]));
    await must(host.docker(['network', 'connect', '--alias', service, network, id]));
    await must(host.docker(['start', id]));
  }
}

async function rebooted(host: DockerHost): Promise<void> {
  await host.reboot();
  if (await keepsPorts(host)) await withoutDocker(host, 0);
}

/** Asked twice: a container that comes up has its port before it runs. */
async function keepsPorts(host: DockerHost): Promise<boolean> {
  for (let look = 1; look <= 2; look += 1) {
    const { stdout, exitCode } = await host.run(['sh', '-c', LIST_PROXIES]);
    if (exitCode !== 0 || portsKeptByDocker(stdout).size === 0) return false;
    await delay(1000);
  }
  return true;
}

export function dockerHostBlows(host: DockerHost, name: string): Blow[] {
  return [
    { weight: 5, name: 'dockerd killed', strike: (forMs) => withoutDocker(host, forMs) },
    killed(2, `${name} sshd killed`, { break: () => host.killSshd(), mend: () => host.startSshd() }),
    { weight: 2, name: `${name} ssh connections cut`, strike: () => host.dropConnections() },
    { weight: 2, name: `${name} host rebooted`, strike: () => rebooted(host) },
  ];
}
