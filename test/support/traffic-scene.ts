/**
 * A proxy set up as docs/traffic.md says, on a host behind a real sshd, in front of two real backends. The three
 * drivers pass one contract, so a scene also says how to hurt its proxy.
 */
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { Hosts } from '../../activities/hosts/host.js';
import { createSecrets, type Secrets } from '../../activities/secrets/secrets.js';
import { compilePlan } from '../../pipeline/compile-plan.js';
import { renderFileErrors } from '../../pipeline/file-error.js';
import { loadPipeline } from '../../pipeline/load-pipeline.js';
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import type { ConfirmPlan } from '../../pipeline/plan-traffic.js';
import type { Target } from '../../workflows/activity-contract.js';
import { readSnippets, type Snippet } from './doc-snippets.js';
import { givenArtifacts, givenCommit } from './given.js';
import { createHaproxy } from './haproxy.js';
import { hostsKnowing } from './hosts.js';
import { startHttpBackend, type HttpBackend } from './http-backend.js';
import { createNginx } from './nginx.js';
import { until } from './processes.js';
import { freePort, startSshd, type Sshd } from './sshd.js';

export type ProxyKind = 'nginx' | 'haproxy' | 'command';

/** What differs between the proxies. `folder` stands for the folders the documentation names. */
interface Proxy {
  folder: string;
  start(): Promise<void>;
  crash(): Promise<void>;
  reload(): Promise<void>;
  /** The state after a kill between writing and applying. */
  persistOnly(colour: Colour): Promise<void>;
  /** Somebody else's change, not applied. */
  meddle(): Promise<void>;
  /** From now on the proxy does not accept a switch to green. */
  spoil(): Promise<void>;
  /** From now on every command succeeds and nothing is applied. */
  numb(): Promise<void>;
  stop(): Promise<void>;
}

export interface TrafficScene extends Proxy {
  kind: ProxyKind;
  /** Through the proxy. */
  url: string;
  backends: Record<Colour, HttpBackend>;
  sshd: Sshd;
  hosts: Hosts;
  secrets: Secrets;
  /** An environment compiled from the example, with a short time to confirm; `environment` names another pipeline user. */
  target(change?: {
    token?: number;
    confirmMs?: number;
    header?: string;
    drainMs?: number;
    environment?: string;
  }): Target;
  confirm: ConfirmPlan;
}

export async function givenTrafficScene(kind: ProxyKind): Promise<TrafficScene> {
  const snippets = (await readSnippets('traffic.md')).filter(({ words }) => words['proxy'] === kind);
  const [blue, green, sshd] = await Promise.all([
    startHttpBackend('blue'),
    startHttpBackend('green'),
    startSshd(),
  ]);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const ports: [string, string][] = [
    ['127.0.0.1:8080', `127.0.0.1:${port}`],
    ['listen 8080', `listen 127.0.0.1:${port}`],
    ['127.0.0.1:8081', blue.address],
    ['127.0.0.1:8082', green.address],
  ];
  const { proxy, places } = await CREATE[kind](snippets, ports);
  const hosts = hostsKnowing(sshd.knownHostsPath);
  const traffic = adapt(textOf(snippets, 'traffic.yaml'), [...ports, ...places]);
  const scene: TrafficScene = {
    ...proxy,
    kind,
    url,
    backends: { blue, green },
    sshd,
    hosts,
    secrets: createSecrets({}),
    confirm: { url: `${url}/health`, header: 'X-Colour', times: 20, intervalMs: 0, timeoutMs: 10_000 },
    target: ({
      token = 1,
      confirmMs = 10_000,
      header = 'X-Colour',
      drainMs = 0,
      environment = 'prod',
    } = {}) => {
      const plan = compileEnvironment({ traffic, url, sshd, environment });
      if (plan.traffic === null) throw new Error('the example has no traffic');
      plan.traffic.drainMs = drainMs;
      Object.assign(plan.traffic.confirm, { timeoutMs: confirmMs, header });
      return {
        plan,
        token,
        version: 'v2',
        commit: givenCommit(),
        artifacts: givenArtifacts('v2'),
        colour: 'green',
        live: null,
      };
    },
    stop: async () => {
      await hosts.close();
      await Promise.all([proxy.stop(), blue.stop(), green.stop(), sshd.stop()]);
    },
  };
  await scene.start();
  return scene;
}

function compileEnvironment(input: {
  traffic: string;
  url: string;
  sshd: Sshd;
  environment: string;
}): EnvironmentPlan {
  const indented = input.traffic.replaceAll(/^/gm, '      ');
  const text = `
pipeline: shop
image: {folder: site}
environments:
  ${input.environment}:
    from: {branch: main}
    hosts: ["${input.sshd.destination}"]
    ssh: {key: "file:${input.sshd.keyPath}"}
    platform: {command: "true"}
    url: ${input.url}
    checks: [/health]
    traffic:
${indented}
`;
  const loaded = loadPipeline(Buffer.from(text), 'slipway.yaml');
  if (!loaded.ok) throw new Error(renderFileErrors(loaded.errors));
  const { environments } = compilePlan({
    file: loaded.file,
    files: new Map(),
    repository: { url: '/srv/shop.git' },
    commit: givenCommit(),
    ref: { kind: 'branch', name: 'main' },
    version: 'v2',
    to: [input.environment],
    changedPaths: null,
  });
  const [plan] = environments;
  if (plan === undefined) throw new Error('nothing was compiled');
  return plan;
}

type Places = [string, string][];
type Create = (snippets: Snippet[], ports: Places) => Promise<{ proxy: Proxy; places: Places }>;

const CREATE: Record<ProxyKind, Create> = {
  nginx: async (snippets, ports) => {
    const server = await createNginx();
    const places: Places = [
      ['/etc/nginx', server.folder],
      ['sudo -n nginx', server.command],
    ];
    await writeExamples(snippets, [...ports, ...places]);
    const file = path.join(server.folder, 'slipway/shop.conf');
    const example = adapt(textOf(snippets, '/etc/nginx/slipway/shop.conf'), [...ports, ...places]);
    const [, , [, blue] = ['', ''], [, green] = ['', '']] = ports;
    return {
      places,
      proxy: {
        folder: server.folder,
        start: server.start,
        crash: server.crash,
        reload: () => reloadNginx(server.command),
        persistOnly: (colour) =>
          writeFile(
            file,
            colour === 'blue'
              ? example
              : example.replace('default blue', 'default green').replace(blue, green),
          ),
        meddle: () => writeFile(file, example.replace(blue, '127.0.0.1:9')),
        spoil: () => writeFile(path.join(server.folder, 'conf.d/spoilt.conf'), 'nonsense on;\n'),
        // the port of a backend is taken: nginx says so in its error log only
        numb: () => writeFile(path.join(server.folder, 'conf.d/taken.conf'), `server { listen ${blue}; }\n`),
        stop: server.stop,
      },
    };
  },

  haproxy: async (snippets, ports) => {
    const server = await createHaproxy();
    const places: Places = [
      ['/etc/haproxy', server.folder],
      ['/run/haproxy', server.folder],
      // there is no such user here
      [' user deploy', ''],
    ];
    await writeExamples(snippets, [...ports, ...places]);
    const map = path.join(server.folder, 'slipway/shop.map');
    const socket = path.join(server.folder, 'slipway.sock');
    const example = adapt(textOf(snippets, '/etc/haproxy/haproxy.cfg'), [...ports, ...places]);
    const restartWith = async (text: string): Promise<void> => {
      await writeFile(server.configuration, text);
      await server.crash();
      await server.start(socket);
    };
    return {
      places,
      proxy: {
        folder: server.folder,
        start: () => server.start(socket),
        crash: server.crash,
        reload: () => {
          server.reload();
          return Promise.resolve();
        },
        persistOnly: (colour) => writeFile(map, `shop shop_${colour}\n`),
        meddle: () => writeFile(map, 'shop maintenance\n'),
        spoil: () => restartWith(example.replaceAll('shop_green', 'shop_teal')),
        numb: () =>
          restartWith(example.replace('use_backend %[', 'use_backend shop_blue if TRUE\n    use_backend %[')),
        stop: server.stop,
      },
    };
  },

  command: async (snippets, ports) => {
    const server = await createNginx();
    const places: Places = [
      ['/etc/shop-proxy', server.folder],
      ['sudo -n nginx', server.command],
    ];
    await writeExamples(snippets, [...ports, ...places]);
    const script = path.join(server.folder, 'traffic');
    await chmod(script, 0o755);
    const [[, listen] = ['', ''], , [, blue] = ['', ''], [, green] = ['', '']] = ports;
    for (const [colour, address] of Object.entries({ blue, green })) {
      await writeFile(path.join(server.folder, `${colour}.conf`), `proxy_pass http://${address};\n`);
    }
    await writeFile(
      path.join(server.folder, 'conf.d/shop.conf'),
      `server { listen ${listen}; location / { include ${server.folder}/upstream.conf; } }\n`,
    );
    const link = async (name: string): Promise<void> => {
      await rm(path.join(server.folder, 'upstream.by-test'), { force: true });
      await symlink(name, path.join(server.folder, 'upstream.by-test'));
      await rename(path.join(server.folder, 'upstream.by-test'), path.join(server.folder, 'upstream.conf'));
    };
    await link('blue.conf');
    return {
      places,
      proxy: {
        folder: server.folder,
        start: server.start,
        crash: server.crash,
        reload: () => reloadNginx(server.command),
        persistOnly: (colour) => link(`${colour}.conf`),
        meddle: () => link('maintenance.conf'),
        spoil: () => rm(path.join(server.folder, 'green.conf')),
        numb: async () => {
          const text = adapt(textOf(snippets, '/etc/shop-proxy/traffic'), [...ports, ...places]);
          await writeFile(script, text.replaceAll(`${server.command} -s reload`, 'true'));
        },
        stop: server.stop,
      },
    };
  },
};

async function reloadNginx(command: string): Promise<void> {
  await execa('sh', ['-c', `${command} -s reload`]);
}

/** Writes every example that has an absolute path, at its place in the proxy's own folder. */
async function writeExamples(snippets: Snippet[], places: Places): Promise<void> {
  for (const { words, text } of snippets) {
    const file = words['file'];
    if (file === undefined || !file.startsWith('/')) continue;
    const place = adapt(file, places);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, adapt(text, places));
  }
}

function textOf(snippets: Snippet[], file: string): string {
  const found = snippets.find(({ words }) => words['file'] === file);
  if (found === undefined) throw new Error(`docs/traffic.md has no example ${file}`);
  return found.text;
}

function adapt(text: string, places: Places): string {
  return places.reduce((adapted, [from, to]) => adapted.replaceAll(from, to), text);
}

/** What one new connection gets: the body of the backend, whatever headers say. */
export async function askThrough(url: string): Promise<{ colour: string; status: number }> {
  const answer = await fetch(`${url}/health`, { headers: { connection: 'close' } });
  return { colour: (await answer.text()).trim(), status: answer.status };
}

export async function untilServed(url: string, colour: Colour): Promise<void> {
  await until(`${url} to serve ${colour}`, async () => {
    const answer = await askThrough(url).catch(() => null);
    return answer?.colour === colour;
  });
}
