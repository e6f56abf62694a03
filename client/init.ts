/** What a repository already has that a first pipeline file can say. Reads the folder; nothing is changed. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { runGit } from './git.js';

/** What was found; every field may be empty. */
export interface Findings {
  /** Folder's name in the form a pipeline's name has. */
  name: string;
  /** `owner/name` on the git host. */
  remote: { host: string; path: string } | null;
  dockerfile: string | null;
  /** Image repository named by a compose or stack file, without its tag. */
  image: string | null;
  composeFile: string | null;
  stackFiles: string[];
  /** Ports published by the compose or stack file. */
  ports: number[];
  /** Branches that workflows deploy from, or that exist. */
  branches: string[];
  /** Do workflows run on version tags? */
  releasesTags: boolean;
}

const COMPOSE_NAMES = [
  'compose.yaml',
  'compose.yml',
  'docker-compose.yaml',
  'docker-compose.yml',
  'docker-compose.prod.yml',
];
const STACK_FOLDERS = ['deploy/swarm', 'deploy/stack', 'deploy', 'swarm', 'stack'];

export async function lookAround(folder: string): Promise<Findings> {
  const composeFile = await findFirst(folder, COMPOSE_NAMES);
  const stackFiles = await findStackFiles(folder);
  const services = await readServices(folder, [
    ...stackFiles,
    ...(composeFile === null ? [] : [composeFile]),
  ]);
  const workflows = await readWorkflows(folder);
  const remote = readRemote(await runGit(folder, ['config', '--get', 'remote.origin.url']));
  return {
    name: toName(remote?.path.split('/').at(-1) ?? path.basename(path.resolve(folder))),
    remote,
    dockerfile: await findFirst(folder, ['Dockerfile', 'docker/Dockerfile', 'build/Dockerfile']),
    image: services.image,
    composeFile,
    stackFiles,
    ports: services.ports,
    branches: workflows.branches.length > 0 ? workflows.branches : await readBranches(folder),
    releasesTags: workflows.tags,
  };
}

/** Lower case, digits and dashes, beginning with a letter. */
function toName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '');
  return name === '' ? 'app' : name;
}

/** `git@github.com:acme/shop.git`, `https://…/acme/shop` → host and path; local folders and tokens in the URL are left out. */
function readRemote(url: string | null): Findings['remote'] {
  const match = /^(?:[a-z+]+:\/\/(?:[^@/]*@)?|[^@/:]+@)([^/:]+)(?::\d+)?[:/](.+?)(?:\.git)?\/?$/.exec(
    url ?? '',
  );
  const [, host, place] = match ?? [];
  return host === undefined || place === undefined ? null : { host, path: place };
}

async function findFirst(folder: string, names: string[]): Promise<string | null> {
  for (const name of names) if ((await readText(folder, name)) !== null) return name;
  return null;
}

async function readText(folder: string, name: string): Promise<string | null> {
  return readFile(path.join(folder, name), 'utf8').catch(() => null);
}

async function listYaml(folder: string, inside: string): Promise<string[]> {
  const names = await readdir(path.join(folder, inside)).catch(() => []);
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => `${inside}/${name}`);
}

/** A stack file is a compose file with `deploy:` under a service. */
async function findStackFiles(folder: string): Promise<string[]> {
  for (const inside of STACK_FOLDERS) {
    const found: string[] = [];
    for (const file of await listYaml(folder, inside)) {
      if (/^services:/m.test((await readText(folder, file)) ?? '')) found.push(file);
    }
    if (found.length > 0) return found;
  }
  return [];
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

async function readYaml(folder: string, file: string): Promise<Record<string, unknown>> {
  try {
    return asMap(parse((await readText(folder, file)) ?? '', { logLevel: 'silent' }));
  } catch {
    // Somebody else's file with a mistake in it: nothing to learn from.
    return {};
  }
}

async function readServices(
  folder: string,
  files: string[],
): Promise<{ image: string | null; ports: number[] }> {
  let image: string | null = null;
  const ports: number[] = [];
  for (const file of files) {
    for (const service of Object.values(asMap((await readYaml(folder, file))['services']))) {
      const { image: named, ports: published, build } = asMap(service);
      const isOurs = typeof named === 'string' && (build !== undefined || named.includes('$'));
      if (isOurs) image ??= named.replace(/(?<=[^/]):[^/]*$/, '');
      if (!isOurs && build === undefined) continue;
      for (const port of Array.isArray(published) ? published : []) {
        const [, outside] = /^(?:[\d.]+:)?(\d+):\d+/.exec(String(port)) ?? [];
        if (outside !== undefined) ports.push(Number(outside));
      }
    }
  }
  return { image: image !== null && /^[a-z0-9][a-z0-9._/:-]*$/.test(image) ? image : null, ports };
}

async function readWorkflows(folder: string): Promise<{ branches: string[]; tags: boolean }> {
  const branches = new Set<string>();
  let tags = false;
  for (const file of await listYaml(folder, '.github/workflows')) {
    const push = asMap(asMap((await readYaml(folder, file))['on'])['push']);
    for (const branch of Array.isArray(push['branches']) ? push['branches'] : []) {
      if (typeof branch === 'string' && /^[\w./-]+$/.test(branch)) branches.add(branch);
    }
    tags ||= Array.isArray(push['tags']) && push['tags'].length > 0;
  }
  return { branches: [...branches], tags };
}

const LONG_LIVED = ['develop', 'dev', 'stage', 'staging', 'main', 'master'];

async function readBranches(folder: string): Promise<string[]> {
  const listed = await runGit(folder, [
    'for-each-ref',
    '--format=%(refname:lstrip=-1)',
    'refs/heads',
    'refs/remotes/origin',
  ]);
  const names = new Set((listed ?? '').split('\n'));
  return LONG_LIVED.filter((branch) => names.has(branch));
}
