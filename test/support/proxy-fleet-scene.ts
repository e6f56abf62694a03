/** Hosts that a load balancer would stand in front of: each its own network and disk, with nginx and both colours. */
import { appendFile, readFile } from 'node:fs/promises';
import { setBadLuckScene, setBadLuckStage, type BadLuckScene } from './bad-luck-scene.js';
import { must } from './base-image.js';
import { NGINX, nginxCommand, startHostNginx } from './host-nginx.js';
import { startDockerHost, type DockerHost } from './docker-host.js';
import { assemble, startAll } from './kept.js';
import { part } from './parts.js';
import { readJson } from './slipway-command.js';
import { addressOf, putFiles } from './team-world.js';

const HOME = '/home/deploy';
const PORTS = { proxy: 8080, blue: 8081, green: 8082 };
const NAMES = ['web1', 'web2'] as const;

/** What a colour's application is here: a folder that nginx serves. `spoil` is put where nginx reads it. */
const RUN =
  'mkdir -p $HOME/{colour} && echo {tag} > $HOME/{colour}/new && mv $HOME/{colour}/new $HOME/{colour}/health';
const DEPLOY = `${RUN} && { test ! -e $HOME/spoil || mv $HOME/spoil ${NGINX}/conf.d/broken.conf; }`;

export interface ProxyFleet {
  scene: BadLuckScene;
  hosts: Record<(typeof NAMES)[number], DockerHost>;
  /** Commits a pipeline with this `rollout`, releases it, and answers its version and how the command ended. */
  release(rollout?: string): Promise<{ version: string; exit: number; error: Record<string, unknown> }>;
  /** `blue 9f2c1d0` of each host's proxy, as its users get it; its status where that is not 200. */
  served(): Promise<string[]>;
  stop(): Promise<void>;
}

export function startProxyFleet(): Promise<ProxyFleet> {
  return assemble(async ({ keep, later, takeAway }) => {
    const hosts = await startAll(NAMES, async (name) => keep(await startDockerHost({ name, swarm: false })));
    const program = await part('nginx');
    for (const host of Object.values(hosts)) await startNginx(host);
    // one key for all of them, as `ssh:` has it
    const key = hosts.web1.keyPath;
    await appendFile(`${hosts.web2.keyPath}.pub`, await readFile(`${key}.pub`, 'utf8'));
    const known = await Promise.all(
      Object.values(hosts).map((host) => readFile(host.knownHostsPath, 'utf8')),
    );
    const stage = keep(await setBadLuckStage());
    const scene = await setBadLuckScene(stage);
    later(() => scene.end());
    return {
      scene,
      hosts,
      release: async (rollout = '{ batch: 1 }') => {
        const sha = await scene.repository.commit('feat: next', {
          'app/a': String(Math.random()),
          known_hosts: known.join(''),
          'slipway.yaml': pipelineFile(scene, { rollout, key, program, hosts: Object.values(hosts) }),
        });
        const argv = ['release', '--to', 'prod', '--json', '--until', 'done'];
        const { exit, error } = readJson(await scene.run(...argv));
        return { version: sha.slice(0, 7), exit, error: error ?? {} };
      },
      served: () => Promise.all(Object.values(hosts).map(whatIsServed)),
      stop: takeAway,
    };
  });
}

async function whatIsServed({ address }: DockerHost): Promise<string> {
  const answer = await fetch(`http://${address}:${PORTS.proxy}/health`, { headers: { connection: 'close' } });
  const text = await answer.text();
  return answer.ok ? `${answer.headers.get('x-colour')} ${text.trim()}` : String(answer.status);
}

async function startNginx(host: DockerHost): Promise<void> {
  const colour = (name: 'blue' | 'green'): string =>
    `server { listen 127.0.0.1:${PORTS[name]}; root ${HOME}/${name}; add_header X-Colour ${name}; }`;
  await startHostNginx(host, { 'conf.d/app.conf': `upstream app { server 127.0.0.1:${PORTS.blue}; }\n` }, [
    `server { listen ${PORTS.proxy}; location / { proxy_pass http://app; } }`,
    colour('blue'),
    colour('green'),
  ]);
}

/** Once the next release is there, before its traffic moves: nginx refuses every reload from then on. */
export function spoilNginx(host: DockerHost): Promise<void> {
  return putFiles(host, { [`${HOME}/spoil`]: 'no such directive;\n' });
}

/** Every reload is refused from now on, in both directions. */
export function jamNginx(host: DockerHost): Promise<void> {
  return putFiles(host, { [`${HOME}/stuck`]: '' });
}

export async function freeNginx(host: DockerHost): Promise<void> {
  await must(host.run(['rm', `${HOME}/stuck`]));
}

export async function mendNginx(host: DockerHost): Promise<void> {
  await must(host.run(['rm', `${NGINX}/conf.d/broken.conf`]));
}

function pipelineFile(
  { pipeline }: BadLuckScene,
  given: { rollout: string; key: string; program: string; hosts: DockerHost[] },
): string {
  const nginx = nginxCommand(given.program);
  return `pipeline: ${pipeline}
image: { folder: app }
checks:
  up: { http: /health, retries: 1, interval: 200ms, start-period: 1s }
environments:
  prod:
    from: { branch: '*' }
    hosts: [${given.hosts.map(addressOf).join(', ')}]
    ssh: { key: "file:${given.key}", known-hosts: known_hosts }
    timeout: 30s
    rollout: ${given.rollout}
    strategy: blue-green
    platform:
      command: ${JSON.stringify(DEPLOY)}
      inspect: cat $HOME/{colour}/health 2>/dev/null || true
      restore: ${JSON.stringify(RUN.replaceAll('{tag}', '{previous-tag}'))}
      retire: rm -rf $HOME/{colour}
    traffic:
      nginx: ${NGINX}/conf.d/app.conf
      upstreams: { blue: '127.0.0.1:${PORTS.blue}', green: '127.0.0.1:${PORTS.green}' }
      test: ${nginx} -t
      reload: test ! -e ${HOME}/stuck && ${nginx} -s reload
      confirm: { url: 'http://{host}:${PORTS.proxy}/health', timeout: 5s }
      drain: 0s
    checks: [up]
`;
}
