/**
 * A team whose two colours always run, behind a proxy on a host with a real sshd: a deploy costs next to nothing, so
 * what is measured is the switch and the way to it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SlipwayClient } from '../../client/index.js';
import { laneId } from '../../workflows/names.js';
import { createCaddy } from '../support/caddy.js';
import { startHttpBackend } from '../support/http-backend.js';
import { createNginx } from '../support/nginx.js';
import { createRepository } from '../support/repository.js';
import { freePort, startSshd } from '../support/sshd.js';
import { until } from '../support/processes.js';
import { answers } from '../support/run-proxy.js';
import { createTraefik } from '../support/traefik.js';
import type { Ends } from './ends.js';
import { startHaproxy } from './haproxy.js';

export const ENVIRONMENT = 'prod';
export const PIPELINE = 'bench';

export interface SwitchingWorld {
  /** Through the proxy. */
  url: string;
  repositoryFolder: string;
  /** Tags a release; with a bake it stays open after the switch until told otherwise. */
  publish(version: string, options: { bake: boolean }): Promise<{ version: string; commit: string }>;
}

interface Backends {
  blue: string;
  green: string;
}

interface Proxy {
  url: string;
  /** Lines of `traffic:`. */
  traffic: string[];
}

export type SwitchedProxy = 'haproxy' | 'nginx' | 'traefik' | 'caddy' | 'caddy-admin';

const START: Record<SwitchedProxy, (ends: Ends, backends: Backends) => Promise<Proxy>> = {
  haproxy: startColours,
  nginx: startNginx,
  traefik: startTraefik,
  caddy: async (ends, backends) => startCaddy(ends, backends, 'file'),
  'caddy-admin': async (ends, backends) => startCaddy(ends, backends, 'admin'),
};

export async function startSwitchingWorld(ends: Ends, kind: SwitchedProxy): Promise<SwitchingWorld> {
  const [blue, green] = [await startHttpBackend('blue'), await startHttpBackend('green')];
  ends.push(() => blue.stop());
  ends.push(() => green.stop());
  const sshd = await startSshd();
  ends.push(() => sshd.stop());
  const proxy = await START[kind](ends, { blue: blue.address, green: green.address });
  const repository = await createRepository();
  ends.push(() => repository.remove());
  const knownHosts = await readFile(sshd.knownHostsPath, 'utf8');
  const fileOf = (bake: boolean): string => `pipeline: ${PIPELINE}
image: { folder: app }
checks:
  health: { http: /health, timeout: 2s }
environments:
  ${ENVIRONMENT}:
    from: { tag: 'v*.*.*' }
    start: manual
    queue: fifo
    strategy: blue-green
    hosts: ["${sshd.destination}"]
    ssh: { key: "file:${sshd.keyPath}", known-hosts: known_hosts }
    platform:
      command: echo {version} >${sshd.home}/slot-{colour}
      inspect: cat ${sshd.home}/slot-{colour} 2>/dev/null || true
      restore: echo {previous-tag} >${sshd.home}/slot-{colour}
      retire: rm -f ${sshd.home}/slot-{colour}
    url: ${proxy.url}
    traffic:
${[...proxy.traffic, 'confirm: { url: /health, header: X-Colour }', 'drain: 100ms'].map((line) => `      ${line}\n`).join('')}
    checks: [health]
${bake ? '    bake: { for: 1h, interval: 1s, checks: [health] }\n' : ''}    keep-warm: 24h
`;
  return {
    url: proxy.url,
    repositoryFolder: repository.folder,
    publish: async (version, { bake }) => {
      const commit = await repository.commit(`feat: ${version}`, {
        'slipway.yaml': fileOf(bake),
        known_hosts: knownHosts,
        'app/release.txt': version,
      });
      await repository.git('tag', version);
      return { version, commit };
    },
  };
}

async function startColours(ends: Ends, backends: Backends): Promise<Proxy> {
  const { url, socket, map } = await startHaproxy(ends, 'bench', backends);
  return {
    url,
    traffic: [
      `haproxy: ${socket}`,
      `map: ${map}`,
      'key: bench',
      'backends: { blue: bench_blue, green: bench_green }',
      `colours: { blue: "http://${backends.blue}", green: "http://${backends.green}" }`,
    ],
  };
}

async function startNginx(ends: Ends, backends: Backends): Promise<Proxy> {
  const nginx = await createNginx();
  ends.push(() => nginx.stop());
  const port = await freePort();
  const file = path.join(nginx.folder, 'slipway', 'bench.conf');
  await mkdir(path.dirname(file));
  await writeFile(file, `upstream bench { server ${backends.blue}; }\n`);
  await writeFile(
    path.join(nginx.folder, 'conf.d', 'bench.conf'),
    `include ${file};\nserver { listen 127.0.0.1:${port}; location / { proxy_pass http://bench; } }\n`,
  );
  await nginx.start();
  return {
    url: `http://127.0.0.1:${port}`,
    traffic: [
      `nginx: ${file}`,
      `upstreams: { blue: "${backends.blue}", green: "${backends.green}" }`,
      'upstream: bench',
      `test: ${nginx.command} -t`,
      `reload: ${nginx.command} -s reload`,
    ],
  };
}

async function startTraefik(ends: Ends, backends: Backends): Promise<Proxy> {
  const traefik = await createTraefik();
  ends.push(() => traefik.stop());
  const listen = `127.0.0.1:${await freePort()}`;
  const file = path.join(traefik.folder, 'dynamic', 'bench.yml');
  await mkdir(path.join(traefik.folder, 'dynamic', '.slipway'), { recursive: true });
  const service = (address: string): string =>
    `{ loadBalancer: { servers: [{ url: "http://${address}" }] } }`;
  await writeFile(
    traefik.configuration,
    `entryPoints: { web: { address: "${listen}" } }
providers: { providersThrottleDuration: 100ms, file: { directory: "${path.dirname(file)}" } }
`,
  );
  await writeFile(
    file,
    `http:
  routers: { bench: { rule: "PathPrefix(\`/\`)", service: bench } }
  services:
    bench: { weighted: { services: [{ name: bench-blue }] } }
    bench-blue: ${service(backends.blue)}
    bench-green: ${service(backends.green)}
`,
  );
  await traefik.start(() => answers(`http://${listen}/`));
  return {
    url: `http://${listen}`,
    traffic: [
      `traefik: ${file}`,
      'services: { blue: bench-blue, green: bench-green }',
      `colours: { blue: "http://${backends.blue}", green: "http://${backends.green}" }`,
    ],
  };
}

async function startCaddy(ends: Ends, backends: Backends, told: 'file' | 'admin'): Promise<Proxy> {
  const caddy = await createCaddy();
  ends.push(() => caddy.stop());
  const [listen, admin] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const file = path.join(caddy.folder, 'slipway', 'bench');
  await mkdir(path.dirname(file));
  await writeFile(file, `${told === 'admin' ? 'to ' : ''}${backends.blue}\n`);
  const site =
    told === 'admin'
      ? `reverse_proxy {\n import ${file}\n }`
      : `vars upstream {file.${file}}\n reverse_proxy {vars.upstream}`;
  await writeFile(caddy.configuration, `{\n admin ${admin}\n}\nhttp://${listen} {\n ${site}\n}\n`);
  await caddy.start(() => answers(`http://${listen}/`));
  return {
    url: `http://${listen}`,
    traffic: [
      ...(told === 'admin' ? [`caddy: http://${admin}`, `file: ${file}`] : [`caddy: ${file}`]),
      `upstreams: { blue: "${backends.blue}", green: "${backends.green}" }`,
    ],
  };
}

/** Releases and waits for the end; throws when it is not live. */
export async function releaseAndWait(
  client: SlipwayClient,
  world: { repositoryFolder: string },
  release: { version: string; commit: string },
): Promise<void> {
  const started = await startRelease(client, world, release);
  const following = client.followRelease(started, { until: 'done', timeoutMs: 120_000 });
  for (;;) {
    const { done, value } = await following.next();
    if (done !== true) continue;
    if (value.how === 'ended' && value.result?.state === 'succeeded') return;
    throw new Error(`${release.version}: ${JSON.stringify(value).slice(0, 2000)}`);
  }
}

export async function startRelease(
  client: SlipwayClient,
  world: { repositoryFolder: string },
  { version, commit }: { version: string; commit: string },
): Promise<{ workflowId: string }> {
  return client.startRelease({
    repositoryUrl: world.repositoryFolder,
    file: 'slipway.yaml',
    ref: { kind: 'tag', name: version },
    ...{ version, commit, to: [ENVIRONMENT] },
  });
}

/** Until nothing is queued or in flight. */
export async function untilIdle(client: SlipwayClient): Promise<void> {
  await until('the environment to be idle', async () => {
    const status = await client.status(ENVIRONMENT);
    return status !== null && status.inFlight === null && status.queue.length === 0;
  });
}

/** Until the change in the lane watches the new colour; throws with its headline when it comes to nothing. */
export async function untilBaking(client: SlipwayClient): Promise<void> {
  let headline = 'no change began';
  const isBaking = async (): Promise<boolean> => {
    const progress = await client.progress(laneId(PIPELINE, ENVIRONMENT));
    headline = progress?.headline ?? headline;
    return progress?.steps.some(({ name, state }) => name === 'bake' && state === 'running') ?? false;
  };
  await until('the change to bake', isBaking, 60_000).catch((error: unknown) => {
    throw new Error(headline, { cause: error });
  });
}

/** Until the rollback has ended; throws with its headline when it did not succeed. */
export async function untilRolledBack(
  client: SlipwayClient,
  { requestId }: { requestId: string },
): Promise<void> {
  const result = await until('the rollback to end', async () => {
    const status = await client.status(ENVIRONMENT);
    return status?.processed.find((each) => each.requestId === requestId)?.result ?? null;
  });
  if (result.state !== 'succeeded') throw new Error(`${result.headline}: ${result.failure?.what ?? ''}`);
}
