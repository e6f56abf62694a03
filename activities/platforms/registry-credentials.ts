/**
 * Which credentials the engine gets for a registry: the pipeline's own login, else what `docker login` has left for
 * the ssh user on the host. Swarm would say “No such image”, later; so the question is asked before anything is touched.
 */
import { z } from 'zod';
import { isReference } from '../secrets/secrets.js';
import { runTool } from './host-question.js';
import type { RegistryAuth } from './engine.js';
import type { PlatformContext } from './platform.js';

const configSchema = z.looseObject({
  auths: z
    .record(
      z.string(),
      z.looseObject({
        auth: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  cliPluginsExtraDirs: z.array(z.string()).optional(),
});
const helperAnswerSchema = z.object({ Username: z.string(), Secret: z.string() });

export type DockerConfig = z.infer<typeof configSchema>;

/** Key of the Docker Hub in config files. */
const HUB_KEY = 'https://index.docker.io/v1/';

export interface HostLogin {
  /** ssh user the file belongs to. */
  user: string;
  /** `/home/deploy/.docker/config.json` */
  path: string;
  /** Empty when there is no such file. */
  config: DockerConfig;
  /** Why the file could not be understood. */
  broken: string | null;
}

export async function readHostLogin(context: PlatformContext): Promise<HostLogin> {
  const script = 'id -un; echo "${DOCKER_CONFIG:-$HOME/.docker}"';
  const answer = await runTool(context, ['sh', '-c', script]);
  const [user = '', folder = ''] = answer.stdout.split('\n');
  const path = `${folder}/config.json`;
  const text = await context.host.readFile(path);
  if (text === null) return { user, path, config: {}, broken: null };
  try {
    return { user, path, config: configSchema.parse(JSON.parse(text)), broken: null };
  } catch (error) {
    return { user, path, config: {}, broken: error instanceof Error ? error.message : String(error) };
  }
}

/** Credentials for `registry` (`cr.example.com`), or null when there are none. */
export async function findCredentials(
  context: PlatformContext,
  registry: string,
): Promise<RegistryAuth | null> {
  const own = context.registryLogin;
  if (own !== null && own.server === registry)
    return { username: own.username, password: own.password, serveraddress: keyOf(registry) };
  const { config } = await readHostLogin(context);
  const key = keyOf(registry);
  const helper = config.credHelpers?.[registry] ?? config.credHelpers?.[key] ?? config.credsStore;
  if (helper !== undefined) {
    const fromHelper = await askHelper(context, helper, key);
    if (fromHelper !== null) return fromHelper;
  }
  return fromConfig(config, registry);
}

/** The entry of `auths`, which may be written with a scheme and a path. */
export function fromConfig(config: DockerConfig, registry: string): RegistryAuth | null {
  const key = keyOf(registry);
  const found = Object.entries(config.auths ?? {}).find(
    ([name]) => name === key || hostOf(name) === registry,
  );
  if (found === undefined) return null;
  const { auth, identitytoken } = found[1];
  if (identitytoken !== undefined && identitytoken !== '') return { identitytoken, serveraddress: key };
  const [username = '', ...rest] = Buffer.from(auth ?? '', 'base64')
    .toString()
    .split(':');
  const password = rest.join(':');
  return username === '' || password === '' ? null : { username, password, serveraddress: key };
}

/**
 * A docker config for one command: the user's own logins plus the pipeline's. Helpers that would shadow the
 * pipeline's login are left out, and so are contexts, which live beside the user's file.
 */
export function throwawayConfig(
  config: DockerConfig,
  login: { server: string; username: string; password: string },
): string {
  const { credHelpers, credsStore, auths, cliPluginsExtraDirs: plugins } = config;
  const key = keyOf(login.server);
  const others = (name: string): boolean => hostOf(name) !== login.server;
  const entries = Object.fromEntries(Object.entries(auths ?? {}).filter(([name]) => others(name)));
  // `credsStore` would be asked for every registry, ours included; as a helper it is asked for the others only.
  const stored = credsStore === undefined ? [] : Object.keys(entries).map((name) => [name, credsStore]);
  const helpers = [...stored, ...Object.entries(credHelpers ?? {}).filter(([name]) => others(name))];
  const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  return JSON.stringify({
    auths: { ...entries, [key]: { auth } },
    credHelpers: Object.fromEntries(helpers),
    ...(plugins === undefined ? {} : { cliPluginsExtraDirs: plugins }),
  });
}

/** The line a person types on the host. */
export function loginCommand(registry: string, username: string | null): string {
  const server = registry === 'docker.io' ? '' : ` ${registry}`;
  return `docker login${server} -u ${username ?? 'USER'} --password-stdin`;
}

/** The pipeline's user name at this registry, as a hint for whoever logs in; null when it is not written down. */
export function usernameAt({ target: { plan } }: PlatformContext, registry: string): string | null {
  const login = plan.registry;
  return login?.server === registry && !isReference(login.username) ? login.username : null;
}

async function askHelper(
  context: PlatformContext,
  helper: string,
  key: string,
): Promise<RegistryAuth | null> {
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) return null;
  const answer = await runTool(context, [`docker-credential-${helper}`, 'get'], key);
  if (answer.exitCode !== 0) return null;
  try {
    const { Username, Secret } = helperAnswerSchema.parse(JSON.parse(answer.stdout));
    // The helper protocol's mark for an identity token.
    if (Username === '<token>') return { identitytoken: Secret, serveraddress: key };
    return { username: Username, password: Secret, serveraddress: key };
  } catch {
    return null;
  }
}

function keyOf(registry: string): string {
  return registry === 'docker.io' ? HUB_KEY : registry;
}

function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').split('/')[0] ?? key;
  return host === 'index.docker.io' ? 'docker.io' : host;
}
