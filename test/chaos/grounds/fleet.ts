/**
 * A team with several hosts behind sshd, released to in batches: `prod` sets a host that fails apart and stops it, `stage`
 * puts it back, `edge` goes back with all of them.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { EnvironmentStatus } from '../../../workflows/messages.js';
import { startAll } from '../../support/kept.js';
import { freePort, startSshd, type Sshd } from '../../support/sshd.js';
import { askUsers } from '../ask-users.js';
import { killed, sshBlows } from '../blows.js';
import type { Blow, Ground, GroundNeeds, Remember } from '../ground.js';
import { clearHost, createPublisher, furnishHost, inspectSlot, ownCommands } from '../own-commands.js';

const HOSTS = ['one', 'two', 'three', 'four'] as const;
const ROLLOUTS = {
  prod: '{ batch: 2, max-failures: 1, failed-host: quarantine }',
  stage: '{ batch: 4, max-failures: 1, failed-host: undo }',
  edge: '{ batch: 1 }',
} as const;
type Slot = keyof typeof ROLLOUTS;
const SLOTS = ['prod', 'stage', 'edge'] as const satisfies Slot[];
/** Beside what others stay away for: longer than the worker looks before it begins. */
const AWAY_LONGER = 8;

interface FleetHost extends Sshd {
  ports: Record<Slot, number>;
}

export async function setFleetGround({ repository, commit, later, keep }: GroundNeeds): Promise<Ground> {
  const first = await startHost(keep);
  const others = await startAll(HOSTS.slice(1), () => startHost(keep, first.keyPath));
  const hosts = [first, ...Object.values(others)];
  for (const { home, ports } of hosts) {
    await furnishHost(home, repository.folder, ports);
    later(() => clearHost(home));
  }
  const knownHosts = await Promise.all(hosts.map(({ knownHostsPath }) => readFile(knownHostsPath, 'utf8')));
  const publish = createPublisher(commit, pipelineFile(hosts), knownHosts.join(''));
  return {
    lanes: SLOTS.map((environment) => ({
      ...{ pipeline: 'fleet', file: 'slipway.yaml', environment, publish, users: null },
    })),
    blows: blowsOf(hosts),
    workerEnv: {},
    homes: hosts.map(({ home }) => home),
    judge: async (remember) => (await Promise.all(SLOTS.map((slot) => judge(slot, hosts, remember)))).flat(),
    marks: hosts.map(({ folder }) => folder),
    findLeftovers: () => Promise.resolve([]),
  };
}

async function startHost(keep: GroundNeeds['keep'], keyPath?: string): Promise<FleetHost> {
  const config = ['MaxStartups 100'];
  const sshd = keep(await startSshd({ config, ...(keyPath === undefined ? {} : { keyPath }) }));
  return { ...sshd, ports: { prod: await freePort(), stage: await freePort(), edge: await freePort() } };
}

/** Each strikes one of them. */
function blowsOf(hosts: FleetHost[]): Blow[] {
  const each = hosts.map((host): Blow[] => {
    const full = path.join(host.home, 'refuse');
    return [
      ...sshBlows(host, "a host's "),
      killed(3, 'a host fell silent', { break: host.freeze, mend: host.thaw }),
      longer(killed(2, 'a host went away', { break: host.crash, mend: host.start })),
      longer(killed(3, 'a host is full', { break: () => writeFile(full, ''), mend: () => rm(full) })),
    ];
  });
  const [kinds = []] = each;
  return kinds.map(({ weight, name }, index) => ({
    ...{ weight, name },
    strike: async (forMs, chance) => {
      const which = chance * hosts.length;
      await each[Math.floor(which)]?.[index]?.strike(forMs, which % 1);
    },
  }));
}

function longer({ strike, ...blow }: Blow): Blow {
  return { ...blow, strike: (forMs, chance) => strike(forMs * AWAY_LONGER, chance) };
}

/** Each host: what is live, or what is said of it. */
async function judge(slot: Slot, hosts: FleetHost[], remember: Remember): Promise<string[]> {
  const status = await remember(slot);
  const wrongs: string[] = [];
  for (const host of hostsOf(slot, hosts)) {
    const found = await inspectSlot(host.home, slot);
    const apart = status?.apart?.find((each) => each.host === host.destination);
    const allowed = apart === undefined ? [status?.live?.commit.sha ?? null] : mayRun(apart, status);
    if (!allowed.includes(found)) {
      const wanted = allowed.map((sha) => sha ?? 'nothing').join(' or ');
      const said = apart === undefined ? '' : `, ${apart.state} because ${apart.why}`;
      wrongs.push(`${slot} host ${host.destination}${said} runs ${found ?? 'nothing'}, not ${wanted}`);
    }
    const url = `http://127.0.0.1:${host.ports[slot]}`;
    const live = status?.live ?? null;
    if (live !== null && apart === undefined)
      wrongs.push(
        ...(await askUsers(`${slot} host ${host.destination}`, { url, colour: 'in its header' }, live)),
      );
  }
  return wrongs;
}

type Apart = NonNullable<EnvironmentStatus['apart']>[number];

/** Stopped, unless it was out of reach; put back to a release that was good once, or to nothing. */
function mayRun({ state, why }: Apart, status: EnvironmentStatus | null): (string | null)[] {
  const isStopped = state === 'quarantined' && !/cannot be reached|could not be (put back|stopped)/.test(why);
  return isStopped ? [null] : [null, ...(status?.good ?? []).map(({ commit }) => commit.sha)];
}

function hostsOf(slot: Slot, hosts: FleetHost[]): FleetHost[] {
  return slot === 'edge' ? hosts.slice(1) : hosts;
}

function pipelineFile(hosts: FleetHost[]): string {
  const shop = '$HOME/shop';
  const environments = SLOTS.map(
    (slot) => `
  ${slot}:
    from: { tag: 'v*.*.*' }
    start: manual
    queue: ${slot === 'stage' ? 'newest' : 'fifo'}
    hosts: [${hostsOf(slot, hosts)
      .map(({ destination }) => `"${destination}"`)
      .join(', ')}]
    ssh: { key: "file:${hosts[0]?.keyPath}", known-hosts: known_hosts }
    timeout: 30s
    rollout: ${ROLLOUTS[slot]}
    platform:${ownCommands(shop, slot)}
    checks: [${slot}-health]
    bake: { for: 1s, interval: 250ms, failures: 2, checks: [${slot}-orders] }
`,
  );
  const check = (slot: Slot, page: string, more: string): string =>
    `  ${slot}-${page}: { run: '${shop} ask ${slot} /${page}', on: host, timeout: 5s${more} }`;
  const checks = SLOTS.flatMap((slot) => [
    check(slot, 'health', ', retries: 20, interval: 250ms'),
    check(slot, 'orders', ''),
  ]);
  return `pipeline: fleet
image: { folder: shop }
checks:
${checks.join('\n')}
environments:${environments.join('')}`;
}
