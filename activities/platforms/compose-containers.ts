/** The containers of a compose project as the Engine has them, and whose they are. Read only. */
import type Docker from 'dockerode';
import { z } from 'zod';
import { callEngine, isMissing } from './engine.js';
import type { Mark } from '../hosts/owner.js';

const PROJECT = 'com.docker.compose.project';
const SERVICE = 'com.docker.compose.service';

const listSchema = z.array(z.looseObject({ Id: z.string(), Labels: z.record(z.string(), z.string()) }));
const containerSchema = z.looseObject({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  RestartCount: z.number(),
  State: z.looseObject({
    Status: z.string(),
    ExitCode: z.number(),
    Error: z.string().optional(),
    OOMKilled: z.boolean().optional(),
    Health: z.looseObject({ Status: z.string() }).nullish(),
  }),
  Config: z.looseObject({ Image: z.string(), Labels: z.record(z.string(), z.string()) }),
  HostConfig: z.looseObject({
    RestartPolicy: z.looseObject({ Name: z.string().optional() }).nullish(),
    PortBindings: z
      .record(z.string(), z.array(z.looseObject({ HostPort: z.string().optional() })).nullish())
      .nullish(),
  }),
});

export interface ComposeContainer {
  id: string;
  /** `shop-web-1` */
  name: string;
  service: string;
  /** As it was asked for: `repository:tag@sha256:…`. */
  image: string;
  /** `sha256:…` of what it really runs. */
  imageId: string;
  /** `created running paused restarting removing exited dead` */
  state: string;
  exitCode: number;
  /** Why it could not be started. */
  error: string;
  outOfMemory: boolean;
  restarts: number;
  /** Docker starts it again when it ends. */
  restartsItself: boolean;
  /** `starting healthy unhealthy`; null = it has no health check. */
  health: string | null;
  /** Of its settings, as compose has computed it. */
  hash: string;
  folder: string;
  /** The files it was made from. */
  files: string[];
  ports: number[];
}

/** Containers of a project, one-off ones (`docker compose run`) left out, by name. */
export async function listProject(docker: Docker, project: string): Promise<ComposeContainer[]> {
  const filters = JSON.stringify({ label: [`${PROJECT}=${project}`] });
  const query = { all: 'true', filters };
  const listed = listSchema.parse(
    await callEngine(docker, { method: 'GET', path: '/containers/json', query }),
  );
  const own = listed.filter(({ Labels }) => Labels['com.docker.compose.oneoff'] !== 'True');
  const found = await Promise.all(own.map(({ Id }) => readContainer(docker, Id)));
  return found.filter((each) => each !== null).sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** null = gone meanwhile. */
async function readContainer(docker: Docker, id: string): Promise<ComposeContainer | null> {
  try {
    const { Id, Name, Image, RestartCount, State, Config, HostConfig } = containerSchema.parse(
      await callEngine(docker, { method: 'GET', path: `/containers/${id}/json` }),
    );
    const policy = HostConfig.RestartPolicy?.Name ?? '';
    return {
      id: Id,
      name: Name.replace(/^\//, ''),
      service: Config.Labels[SERVICE] ?? '',
      image: Config.Image,
      imageId: Image,
      state: State.Status,
      exitCode: State.ExitCode,
      error: State.Error ?? '',
      outOfMemory: State.OOMKilled === true,
      restarts: RestartCount,
      restartsItself: policy !== '' && policy !== 'no',
      health: State.Health == null || State.Health.Status === 'none' ? null : State.Health.Status,
      hash: Config.Labels['com.docker.compose.config-hash'] ?? '',
      folder: Config.Labels['com.docker.compose.project.working_dir'] ?? '',
      files: (Config.Labels['com.docker.compose.project.config_files'] ?? '')
        .split(',')
        .filter((file) => file !== ''),
      ports: Object.values(HostConfig.PortBindings ?? {}).flatMap((all) =>
        (all ?? []).map(({ HostPort }) => Number(HostPort)),
      ),
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

const KEPT = /\/\.slipway\/compose\/([^/]+)\/([^/]+)\/(?:live|blue|green)\/(release|before)-(\d+)\.json$/;

export interface KeptFile extends Mark {
  path: string;
  /** What a change brought, or what it found and brought back. */
  role: 'release' | 'before';
}

/** The file of ours a container was made from: compose notes it on each, and so who made it; null = somebody else's. */
export function keptFileOf({ files }: Pick<ComposeContainer, 'files'>): KeptFile | null {
  const [path = ''] = files;
  const match = files.length === 1 ? KEPT.exec(path) : null;
  if (match === null) return null;
  const [, pipeline = '', environment = '', role, token] = match;
  return {
    path,
    role: role === 'release' ? 'release' : 'before',
    owner: `${pipeline}/${environment}`,
    fence: Number(token),
  };
}

/** By service, in the order of their names. */
export function byService(containers: ComposeContainer[]): Map<string, ComposeContainer[]> {
  const services = new Map<string, ComposeContainer[]>();
  for (const each of containers) services.set(each.service, [...(services.get(each.service) ?? []), each]);
  return services;
}
