/** Hosts by their plan: `local` is the worker itself, everything else is reached over SSH. */
import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import type Docker from 'dockerode';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { HostPlan, SshPlan } from '../../pipeline/plan-platform.js';
import type { TextOrReference } from '../../pipeline/secret-references.js';
import { connectDocker, connectLocalDocker } from '../docker/engine.js';
import { isReference, type Secrets } from '../secrets/secrets.js';
import { targetId, type SshTarget } from '../ssh/connect.js';
import { ConnectionPool, type PoolLogger } from '../ssh/connection-pool.js';
import { createSshShell } from '../ssh/ssh-shell.js';
import { parseAddress } from './address.js';
import type { JobUsers } from '../job-user/job-users.js';
import type { Host, Hosts } from './host.js';
import { createLocalShell } from './local-shell.js';
import { createShellHost } from './shell-host.js';

export interface HostsDependencies {
  resolveSecret: Secrets['resolve'];
  scrub: Secrets['scrub'];
  /** Used instead of `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`. */
  knownHostsPath?: string;
  logger: PoolLogger;
  /** Who runs a team's commands on `local`. */
  jobUserOf: JobUsers['ofEnvironment'];
}

const SYSTEM_KNOWN_HOSTS = '/etc/ssh/ssh_known_hosts';

export function createHosts(dependencies: HostsDependencies): Hosts {
  const { resolveSecret, scrub, knownHostsPath, logger } = dependencies;
  const pool = new ConnectionPool(
    {
      resolveSecret: (reference) => resolveSecret(reference),
      knownHostsFiles: knownHostsPath === undefined ? ownKnownHosts() : [knownHostsPath],
    },
    logger,
  );

  const engines = new Map<string, () => Promise<Docker>>();
  const localEngine = connectLocalDocker();

  const resolveName = async (text: TextOrReference): Promise<string> =>
    isReference(text) ? (await resolveSecret(text, 'name')).trim() : text;

  /** One link of the way there. What people wrote is what messages show. */
  const target = async (
    text: TextOrReference,
    ssh: SshPlan,
    via: SshTarget | null,
    port: number | null,
  ): Promise<SshTarget> => {
    const address = parseAddress(await resolveName(text), text);
    const user = address.user ?? (ssh.user === null ? userInfo().username : await resolveName(ssh.user));
    const userIsHidden = address.user === null ? isReference(ssh.user ?? '') : isReference(text);
    return {
      address: text,
      shownHost: isReference(text) ? 'HOST' : address.host,
      shownUser: userIsHidden ? 'USER' : user,
      host: address.host,
      port: address.port ?? port ?? 22,
      user,
      key: ssh.key,
      knownHosts: ssh.knownHosts,
      via,
    };
  };

  const openSsh = async (environment: EnvironmentPlan, host: HostPlan, where: string): Promise<Host> => {
    let via: SshTarget | null = null;
    for (const jump of environment.ssh.jump) via = await target(jump, environment.ssh, via, null);
    const end = await target(host.address, environment.ssh, via, environment.ssh.port);
    const shell = createSshShell(pool, end, where);
    // one engine per address: each keeps channels of the shared connection open
    const engine = engines.get(targetId(end)) ?? connectDocker(shell, where);
    engines.set(targetId(end), engine);
    return createShellHost({ name: host.name, where, shell, scrub, docker: engine, jobUser: null });
  };

  return {
    open: async (environment, host) => {
      const where = `${environment.name} host ${host.name}`;
      if ((await resolveName(host.address)) !== 'local') return openSsh(environment, host, where);
      return createShellHost({
        name: host.name,
        where,
        shell: createLocalShell(),
        scrub,
        docker: localEngine,
        jobUser: await dependencies.jobUserOf(environment),
      });
    },
    close: () => pool.close(),
  };
}

function ownKnownHosts(): string[] {
  // the user's own comes last: it is the one messages say to add to
  const own = path.join(homedir(), '.ssh', 'known_hosts');
  return existsSync(SYSTEM_KNOWN_HOSTS) ? [SYSTEM_KNOWN_HOSTS, own] : [own];
}
