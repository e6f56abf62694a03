/** How hosts and servers are hurt, whichever platform is on them. */
import { setTimeout as delay } from 'node:timers/promises';
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

export function dockerHostBlows(host: DockerHost, name: string): Blow[] {
  return [
    killed(5, 'dockerd killed', { break: () => host.killDockerd(), mend: () => host.startDockerd() }),
    killed(2, `${name} sshd killed`, { break: () => host.killSshd(), mend: () => host.startSshd() }),
    { weight: 2, name: `${name} ssh connections cut`, strike: () => host.dropConnections() },
    { weight: 2, name: `${name} host rebooted`, strike: () => host.reboot() },
  ];
}
