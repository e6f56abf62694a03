/** GitHub's own OpenAPI description, cut down to the routes Slipway asks: the whole takes Prism twice as long. */
import { readFile } from 'node:fs/promises';
import { part } from '../parts.js';

export const ROUTES = [
  'GET /user',
  'GET /repos/{owner}/{repo}/installation',
  'POST /app/installations/{installation_id}/access_tokens',
  'GET /repos/{owner}/{repo}/branches/{branch}',
  'GET /repos/{owner}/{repo}/commits/{ref}/check-runs',
  'GET /repos/{owner}/{repo}/commits/{ref}/status',
  'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/commits',
  'GET /repos/{owner}/{repo}/collaborators/{username}/permission',
  'GET /repos/{owner}/{repo}/actions/runs',
  'GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals',
  'GET /repos/{owner}/{repo}/deployments',
  'POST /repos/{owner}/{repo}/deployments',
  'GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses',
  'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses',
  'POST /repos/{owner}/{repo}/statuses/{sha}',
  'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}',
] as const;

export type Route = (typeof ROUTES)[number];

export type Json = Record<string, unknown>;

export interface Description {
  /** The trimmed OpenAPI document. */
  document: Json;
  /** A fresh copy of GitHub's own example of a good answer. */
  exampleOf(route: Route): unknown;
}

type Named = Record<string, unknown>;
interface Operation {
  responses: Record<string, { content?: { 'application/json'?: { examples?: Record<string, Json> } } }>;
}
interface OpenApi {
  openapi: string;
  info: unknown;
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Named>;
}

export async function readDescription(): Promise<Description> {
  const whole = JSON.parse(await readFile(await part('github-openapi'), 'utf8')) as OpenApi;
  const paths: OpenApi['paths'] = {};
  for (const route of ROUTES) {
    const [method, path] = split(route);
    const operation = whole.paths[path]?.[method];
    if (operation === undefined) throw new Error(`GitHub's description has no ${route}`);
    (paths[path] ??= {})[method] = operation;
  }
  const components = usedComponents(whole, paths);
  // Prism takes the example for a value that every answer must have.
  const link = components['headers']?.['link'];
  if (isRecord(link)) delete link['example'];
  const document = { openapi: whole.openapi, info: whole.info, paths, components };
  return {
    document,
    exampleOf(route) {
      const [method, path] = split(route);
      const responses = paths[path]?.[method]?.responses ?? {};
      const good = responses['200'] ?? responses['201'];
      const [first] = Object.values(good?.content?.['application/json']?.examples ?? {});
      const example = typeof first?.['$ref'] === 'string' ? resolve(whole, first['$ref']) : first;
      if (!isRecord(example)) throw new Error(`GitHub's description has no example of ${route}`);
      return structuredClone(example['value']);
    },
  };
}

function split(route: Route): [string, string] {
  const [method = '', path = ''] = route.split(' ');
  return [method.toLowerCase(), path];
}

/** Everything the paths refer to, and what that refers to. */
function usedComponents(whole: OpenApi, paths: unknown): Record<string, Named> {
  const used: Record<string, Named> = {};
  const open: unknown[] = [paths];
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) open.push(...value);
    if (!isRecord(value)) continue;
    open.push(...Object.values(value));
    const reference = value['$ref'];
    if (typeof reference !== 'string') continue;
    const [, , kind = '', name = ''] = reference.split('/');
    const section = (used[kind] ??= {});
    if (name in section) continue;
    section[name] = resolve(whole, reference);
    open.push(section[name]);
  }
  return used;
}

function resolve(whole: OpenApi, reference: string): unknown {
  const [, , kind = '', name = ''] = reference.split('/');
  return whole.components[kind]?.[name];
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
