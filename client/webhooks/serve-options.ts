/** What `slipway serve` listens on, for which pipelines, with which secrets. Throws UserError (exit 2). */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Invocation } from '../command.js';
import { checkAddress } from '../repository.js';
import { badInput, type UserError } from '../user-error.js';
import type { PipelineRoute } from './release-of-push.js';

export interface ServeOptions {
  host: string;
  port: number;
  routes: PipelineRoute[];
  secrets: string[];
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 9466;
const DOCS = 'docs/webhooks.md';

const GITHUB_NAME = /^[\w.-]+\/[\w.-]+$/;

const configuration = z.strictObject({
  pipelines: z.record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
    z.strictObject({
      repository: z.string(),
      github: z.string().regex(GITHUB_NAME, 'write it as owner/name').optional(),
      file: z.string().min(1).default('slipway.yaml'),
    }),
  ),
});

export async function readServeOptions(invocation: Invocation): Promise<ServeOptions> {
  const { terminal } = invocation;
  return {
    host: invocation.value('host') ?? DEFAULT_HOST,
    port: readPort(invocation.value('port')),
    routes: await readRoutes(invocation),
    secrets: await readSecrets(invocation.value('secret-file'), terminal.env, terminal.cwd),
  };
}

function readPort(text: string | null): number {
  if (text === null) return DEFAULT_PORT;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw badInput({
    what: `${text} is no port`,
    where: '--port',
    wayOut: 'write a number up to 65535; 0 = any',
  });
}

async function readRoutes(invocation: Invocation): Promise<PipelineRoute[]> {
  const { global, terminal } = invocation;
  const config = invocation.value('config');
  if (config !== null) return readConfiguration(path.resolve(terminal.cwd, config));
  if (global.pipeline === null || global.repository === null) {
    throw badInput({
      what: 'which pipeline does a push release?',
      where: 'slipway serve',
      wayOut: 'say --pipeline NAME --repository URL, or --config FILE for several',
      docs: DOCS,
    });
  }
  const repositoryUrl = checkAddress(global.repository, '--repository');
  const github = invocation.value('github') ?? nameInAddress(repositoryUrl);
  if (github === null || !GITHUB_NAME.test(github)) throw noName('--github', global.repository);
  return [{ pipeline: global.pipeline, github, repositoryUrl, file: global.file }];
}

async function readConfiguration(file: string): Promise<PipelineRoute[]> {
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    content = parse(await readText(file), { logLevel: 'silent', maxAliasCount: 0 });
  } catch (error) {
    throw error instanceof Error && error.name === 'UserError' ? error : wrong(file, messageOf(error));
  }
  const read = configuration.safeParse(content);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw wrong(`${file}: ${issue?.path.join('.') || 'the file'}`, issue?.message ?? 'is malformed');
  }
  const routes = Object.entries(read.data.pipelines).map(
    ([pipeline, { repository, github, file: inside }]) => {
      const where = `${file}: pipelines.${pipeline}`;
      const repositoryUrl = checkAddress(repository, `${where}.repository`);
      const name = github ?? nameInAddress(repositoryUrl);
      if (name === null) throw noName(`${where}.github`, repository);
      return { pipeline, github: name, repositoryUrl, file: inside };
    },
  );
  if (routes.length === 0) throw wrong(`${file}: pipelines`, 'names no pipeline');
  return routes;
}

/** `git@github.com:acme/shop.git` and `https://github.com/acme/shop` → `acme/shop`; null for folders. */
function nameInAddress(url: string): string | null {
  if (url.startsWith('/') || url.startsWith('file:')) return null;
  const [, name] = /[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(url) ?? [];
  return name ?? null;
}

/** One a line, from the file and from SLIPWAY_WEBHOOK_SECRET: while one is being changed there are two. */
async function readSecrets(
  file: string | null,
  env: Record<string, string | undefined>,
  cwd: string,
): Promise<string[]> {
  const fromFile = file === null ? '' : await readText(path.resolve(cwd, file));
  const lines = `${fromFile}\n${env['SLIPWAY_WEBHOOK_SECRET'] ?? ''}`.split('\n').map((line) => line.trim());
  const secrets = [...new Set(lines.filter((line) => line !== ''))];
  if (secrets.length > 0) return secrets;
  throw badInput({
    what: 'no webhook secret: anybody could start releases',
    where: file ?? 'SLIPWAY_WEBHOOK_SECRET',
    wayOut: 'make one (openssl rand -hex 32), give it to GitHub and here, by variable or --secret-file',
    docs: DOCS,
  });
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw badInput({
      what: 'cannot be read',
      where: file,
      why: messageOf(error),
      wayOut: 'check its name and who may read it',
    });
  }
}

function noName(where: string, repository: string): UserError {
  return badInput({
    what: `${repository} does not say what GitHub calls the repository`,
    where,
    wayOut: 'write it as owner/name',
    docs: DOCS,
  });
}

function wrong(where: string, why: string): UserError {
  return badInput({ what: why, where, wayOut: `correct the file, as in ${DOCS}`, docs: DOCS });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
