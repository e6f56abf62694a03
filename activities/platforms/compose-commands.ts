/** The `docker compose` commands, and what their output means. Pure; the commands are tested as exact words. */

export interface ComposeProject {
  /** `--project-name`; null = as compose names it. */
  name: string | null;
  /** The team's folder: relative paths, `.env`. */
  folder: string;
  /** `--file`, in order; `-` is stdin; none = as compose finds them. */
  files: readonly string[];
  services: readonly string[];
}

const COMPOSE = ['docker', 'compose', '--ansi', 'never'];

function composeArgv({ name, folder, files }: ComposeProject): string[] {
  return [
    ...COMPOSE,
    ...(name === null ? [] : ['--project-name', name]),
    ...['--project-directory', folder],
    ...files.flatMap((file) => ['--file', file]),
  ];
}

export function upArgv(project: ComposeProject): string[] {
  const { services } = project;
  // A named service comes alone: what it needs is the team's, and stays as it is.
  const which = services.length === 0 ? [] : ['--no-deps', ...services];
  return [...composeArgv(project), 'up', '--detach', '--no-build', '--quiet-pull', ...which];
}

/**
 * A compose that dies while it makes a container anew leaves the new one with the old one's id before its name, and the
 * engine may bring up the old one again: compose would start the two beside each other, on the same ports. The new one goes
 * first, its volumes stay. In one command with `up`, so that it never meets one that is at work.
 */
const HALF_MADE_AWAY = `project=$1 services=$2
shift 2
label=com.docker.compose
docker ps --all --no-trunc --filter "label=$label.project=$project" --format "{{.ID}} {{.Names}} {{.Label \\"$label.service\\"}}" |
  while read -r id name service; do
    old=\${name%%_*}
    [ "\${#old}" = 12 ] || continue
    case " \${services:-$service} " in *" $service "*) ;; *) continue ;; esac
    [ -z "$(docker ps --all --quiet --filter "id=$old" --filter "name=^/?\${name#*_}$")" ] || docker rm --force "$id" >/dev/null
  done
exec "$@"`;

/** `up` on a host where another `up` may have died. */
export function upAnywayArgv(project: ComposeProject & { name: string }): string[] {
  return ['sh', '-c', HALF_MADE_AWAY, 'sh', project.name, project.services.join(' '), ...upArgv(project)];
}

/** A container like those of the service, beside them, for one shell text; `names` of variables, whose values it is given. */
export function runArgv(
  project: ComposeProject,
  { service, name, names, text }: { service: string; name: string | null; names: string[]; text: string },
): string[] {
  return [
    ...[...composeArgv(project), 'run', '--rm', '--no-TTY', '--quiet-pull'],
    // what named services need is the team's, as in `up`
    ...(project.services.length === 0 ? [] : ['--no-deps']),
    ...(name === null ? [] : ['--name', name]),
    ...names.flatMap((each) => ['--env', each]),
    ...['--entrypoint', 'sh', service, '-c', text],
  ];
}

/** Containers, and with all services the project's networks; volumes stay. */
export function removeArgv(project: ComposeProject): string[] {
  const { services } = project;
  const what = services.length === 0 ? ['down'] : ['rm', '--stop', '--force', ...services];
  return [...composeArgv(project), ...what];
}

/** `service hash` of each: what compose compares before it makes a container anew. */
export function hashesArgv(project: ComposeProject): string[] {
  return [...composeArgv(project), 'config', '--hash', '*'];
}

export const EXIT = { noFolder: 65, noFile: 66 } as const;

/**
 * Prints the project as JSON, packed: scrubbing would put names where values are that must come back unharmed.
 * Compose looks for its file in the folders above, too, and would find another project's: that one is refused here.
 */
const RENDER = `cd -- "$1" 2>/dev/null || exit ${EXIT.noFolder}
if [ "$2" = found ] && [ -z "$COMPOSE_FILE" ]; then
  ls compose.yaml compose.yml docker-compose.yml docker-compose.yaml 2>/dev/null | grep -q . ||
    grep -qs '^ *\\(export  *\\)\\?COMPOSE_FILE=' .env || exit ${EXIT.noFile}
fi
shift 2
exec 4>&1
r=$( { { "$@" 3>&- 4>&-; echo $? >&3; } | gzip -c | base64 >&4; } 3>&1 )
exit "$r"`;

export function renderArgv(project: ComposeProject): string[] {
  const how = project.files.length === 0 ? 'found' : 'named';
  const words = [...composeArgv(project), 'config', '--format', 'json', ...project.services];
  return ['sh', '-c', RENDER, 'slipway', project.folder, how, ...words];
}

/** docker without the plugin takes compose's options for its own. */
export function lacksCompose(stderr: string): boolean {
  return /is not a docker command|unknown command: docker compose|unknown flag: --ansi/.test(stderr);
}

/** Variables that compose filled in with nothing, each once. */
export function unsetVariables(stderr: string): string[] {
  const names = [...stderr.matchAll(/\\?"([A-Za-z_]\w*)\\?" variable is not set/g)].map(
    ([, name]) => name ?? '',
  );
  return [...new Set(names)].sort();
}

/** What compose says besides its warnings. */
export function withoutWarnings(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !/^time="[^"]*" level=(warning|info|debug)/.test(line))
    .join('\n')
    .trim();
}

export interface UpFailure {
  what: string;
  wayOut: string;
  /** The container it is about, by name; its log says more. */
  container: string | null;
  /** One that is taken; somebody can be asked who has it. */
  port?: number;
}

const KNOWN_FAILURES: [RegExp, (...found: string[]) => Omit<UpFailure, 'container'>][] = [
  [
    /(?:Bind for|listen tcp[46]?|listen udp[46]?) (?:\S*?:)?(\d+)(?: failed)?: (?:port is already allocated|bind: address already in use)/,
    (port) => ({
      what: `port ${port} is taken`,
      wayOut: `see who has it: ss -ltnp 'sport = :${port}' and docker ps --filter publish=${port}`,
      port: Number(port),
    }),
  ],
  [
    /no such service: (\S+)/,
    (service) => ({
      what: `the compose file has no service ${service}`,
      wayOut: 'correct services: in the pipeline file; docker compose config --services lists what there is',
    }),
  ],
  [
    /network "?([^"\s]+?)"? (?:declared as external, but could not be found|not found)/,
    (network) => ({
      what: `the external network ${network} is not there`,
      wayOut: `create it: docker network create ${network}`,
    }),
  ],
  [
    /external volume "?([^"\s]+)"? not found/,
    (volume) => ({
      what: `the external volume ${volume} is not there`,
      wayOut: `create it: docker volume create ${volume}`,
    }),
  ],
  [
    /container name "?\/?([^"\s]+)"? is already in use/,
    (name) => ({
      what: `a container called ${name} is there already and is not this project's`,
      wayOut: `see what it is: docker inspect ${name}; container_name: is one for all projects and colours of a host`,
    }),
  ],
  [
    /no space left on device/,
    () => ({ what: 'the disk is full', wayOut: 'free some: docker system df shows what images take' }),
  ],
];

const PULL =
  /pull access denied|manifest \S* ?(?:not found|unknown)|manifest unknown|unauthorized|no basic auth|denied: /i;

/** Why `up` did not work, by name; null = nothing known is in what it said. */
export function nameUpFailure(output: string): UpFailure | null {
  const needed = /dependency failed to start: container (\S+) (is unhealthy|exited \(\d+\))/.exec(output);
  if (needed !== null) {
    const [, container = '', how = ''] = needed;
    return {
      what: `container ${container}, which others need, ${how}`,
      wayOut: 'correct what its log and its health check say',
      container,
    };
  }
  for (const [pattern, say] of KNOWN_FAILURES) {
    const match = pattern.exec(output);
    if (match !== null) return { ...say(...match.slice(1)), container: null };
  }
  if (!PULL.test(output)) return null;
  return {
    what: 'an image that the compose file names cannot be pulled',
    wayOut: 'correct its name, or run docker login there (docs/hosts.md#registry-login)',
    container: null,
  };
}
