/** Gates and checks of the file → those of the plan. */
import type { RepositoryTexts } from './compile-platform.js';
import type { TextCompiler } from './compile-text.js';
import { valueOfHost } from './each-host.js';
import { findCheck } from './environment-settings.js';
import type { FilePath } from './file-error.js';
import type { PipelineFile } from './pipeline-file.js';
import type { CheckCommon, CheckPlan, GatePlan } from './plan.js';
import type { HostPlan } from './plan-platform.js';
import type { ProxyPlan } from './plan-traffic.js';
import { refusePlan } from './plan-refused.js';
import type { Check } from './schema-checks.js';
import { namesIn } from './templates.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

type Timing = Omit<CheckCommon, 'name'>;

/** A service that just started may take half a minute; a test suite is asked once. */
const TIMING: Record<Check['kind'], Timing> = {
  http: { timeoutMs: 5 * SECOND, retries: 5, intervalMs: 2 * SECOND, startPeriodMs: 30 * SECOND },
  tcp: { timeoutMs: 5 * SECOND, retries: 5, intervalMs: 2 * SECOND, startPeriodMs: 30 * SECOND },
  run: { timeoutMs: 5 * MINUTE, retries: 0, intervalMs: 2 * SECOND, startPeriodMs: 0 },
  prometheus: { timeoutMs: 10 * SECOND, retries: 0, intervalMs: 10 * SECOND, startPeriodMs: 0 },
  logs: { timeoutMs: 30 * SECOND, retries: 0, intervalMs: 10 * SECOND, startPeriodMs: 0 },
  migrations: { timeoutMs: 30 * SECOND, retries: 0, intervalMs: 10 * SECOND, startPeriodMs: 0 },
};

/** Looked for at the root of the repository. */
export const ALEMBIC = { settings: 'alembic.ini', current: 'alembic current' };

const GATE_TIMEOUT_MS = 30 * MINUTE;
const BASELINE_MS = 30 * MINUTE;

export function compileGates(
  content: PipelineFile,
  names: readonly string[],
  texts: TextCompiler,
): GatePlan[] {
  return names.map((name) => compileGate(content, name, texts));
}

function compileGate(content: PipelineFile, name: string, texts: TextCompiler): GatePlan {
  const gate = content.gates?.get(name);
  if (gate === undefined) throw new Error(`no gate ${name} in the pipeline file`);
  const common = { name, timeoutMs: gate.timeout ?? GATE_TIMEOUT_MS };
  switch (gate.kind) {
    case 'run': {
      const { report, exceptions, forbid, 'at-least': atLeast, 'fail-on': failOn } = gate;
      return {
        ...common,
        kind: 'run',
        command: texts.command(gate.run, ['gates', name, 'run']),
        report: withoutAbsent(report ?? {}),
        options: {
          ...(atLeast === undefined ? {} : { atLeast }),
          ...(failOn === undefined ? {} : { failOn }),
          ...(exceptions === undefined ? {} : { exceptions }),
          ...(forbid === undefined ? {} : { forbid }),
        },
      };
    }
    case 'merged-into':
      return { ...common, kind: 'merged-into', branches: gate['merged-into'] };
    case 'github-checks':
      return { ...common, kind: 'github-checks', checks: gate['github-checks'], of: gate.of ?? null };
    case 'migrations':
      return { ...common, kind: 'migrations', mode: gate.migrations, path: gate.path };
    case 'pull-request':
      return { ...common, kind: 'pull-request', title: gate['pull-request'].title };
  }
}

function withoutAbsent<T>(record: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, T] => entry[1] !== undefined),
  );
}

/** Of the environment whose checks these are. */
export interface Surroundings {
  content: PipelineFile;
  url: string | null;
  hosts: readonly HostPlan[];
  /** Where each host has one of its own; null = one for all of them, or none. */
  proxies: readonly ProxyPlan[] | null;
  texts: TextCompiler;
  /** Does the environment say how its database is asked where it is? */
  saysRevision: boolean;
  files: RepositoryTexts;
}

/** `path` is where the list stands: an inline check (`/health`) stands nowhere else. One with `{host}` becomes one of each host. */
export function compileChecks(around: Surroundings, names: readonly string[], path: FilePath): CheckPlan[] {
  return names.flatMap((name, index) => {
    const here = [...path, index];
    const check = findCheck(around.content, name);
    if (check === null) throw new Error(`no check ${name} in the pipeline file`);
    if (!isOfEachHost(around, check)) return [compileCheck(around, name, check, here)];
    const where = around.texts.where(here);
    if (around.hosts.length === 0)
      throw refusePlan(
        `check ${name} is about each {host}, and there is none`,
        where,
        'add hosts, or leave {host} out',
      );
    return around.hosts.map((host) => {
      const texts = around.texts.with({ host: valueOfHost(host, `check ${name}`, where) });
      const proxy = around.proxies?.find((each) => each.host === host.name);
      const url = proxy === undefined ? around.url : new URL(proxy.url).origin;
      return {
        ...compileCheck({ ...around, url, texts }, name, check, here),
        name: `${name} on ${host.name}`,
        host: host.name,
      };
    });
  });
}

/**
 * Before it has traffic a colour is asked on its host. The environment's own address leads to one of them, and where each
 * has its proxy nobody would know to which. Throws PlanRefused.
 */
export function requireEachHost(around: Surroundings, checks: CheckPlan[], path: FilePath): void {
  const { proxies, url, texts } = around;
  if (proxies === null || url === null) return;
  // an address with {colour} is the colour's own
  const isOurs = (asked: string): boolean =>
    !asked.includes('{colour}') && new URL(asked).host === new URL(url).host;
  const blind = checks.find(
    (check) => check.kind === 'http' && check.host === undefined && isOurs(check.url),
  );
  if (blind === undefined) return;
  throw refusePlan(
    `check ${blind.name} asks ${url}, which does not say which host answers`,
    texts.where(path),
    "each host has its own proxy, so ask each: a path such as /health, or 'http://{host}/health'",
  );
}

/** A path is asked of the proxy, and where each host has one, of each. */
function isOfEachHost({ proxies }: Surroundings, check: Check): boolean {
  const question = questionOf(check);
  const isPath = check.kind === 'http' && question.startsWith('/');
  return namesIn(question).includes('host') || (isPath && proxies !== null);
}

function questionOf(check: Check): string {
  switch (check.kind) {
    case 'http':
      return check.http;
    case 'tcp':
      return check.tcp;
    case 'run':
      return check.run;
    case 'prometheus':
    case 'logs':
    case 'migrations':
      return '';
  }
}

function compileCheck(around: Surroundings, name: string, check: Check, path: FilePath): CheckPlan {
  const { content, url, texts } = around;
  const at = (key: string): FilePath => (content.checks?.has(name) === true ? ['checks', name, key] : path);
  const usual = TIMING[check.kind];
  const common = {
    name,
    timeoutMs: check.timeout ?? usual.timeoutMs,
    retries: check.retries ?? usual.retries,
    intervalMs: check.interval ?? usual.intervalMs,
    startPeriodMs: check['start-period'] ?? usual.startPeriodMs,
  };
  switch (check.kind) {
    case 'http':
      return {
        ...common,
        kind: 'http',
        url: resolveUrl(url, texts.colourText(check.http, at('http'))),
        status: check.status ?? 200,
        basicAuth: texts.optional(check['basic-auth'], at('basic-auth')),
        header: texts.record(check.header, at('header')),
        ...(check.within === undefined ? {} : { withinMs: check.within }),
      };
    case 'tcp': {
      const [host = '', port = ''] = texts.text(check.tcp, at('tcp')).split(':');
      return {
        ...common,
        kind: 'tcp',
        host,
        port: Number(port),
        inside: texts.optional(check.inside, at('inside')),
      };
    }
    case 'run':
      return {
        ...common,
        kind: 'run',
        command: texts.command(check.run, at('run')),
        on: check.on ?? 'worker',
      };
    case 'prometheus':
      return {
        ...common,
        kind: 'prometheus',
        query: texts.colourText(check.prometheus, at('prometheus')),
        server: texts.text(check.server, at('server')),
        max: check.max ?? null,
        min: check.min ?? null,
        maxIncrease: check['max-increase'] ?? null,
        baselineMs: check.baseline ?? BASELINE_MS,
      };
    case 'logs':
      return { ...common, kind: 'logs', pattern: check.logs, max: check.max ?? 0 };
    case 'migrations':
      return {
        ...common,
        kind: 'migrations',
        mode: check.migrations,
        ...(check.path === undefined ? {} : { path: texts.text(check.path, at('path')) }),
        ...(around.saysRevision ? {} : { current: askTool(around, name, at('migrations')) }),
      };
  }
}

/** The tool whose settings the commit has: it knows the database by itself. */
function askTool({ files, texts }: Surroundings, name: string, path: FilePath): string {
  if (files.has(ALEMBIC.settings)) return ALEMBIC.current;
  throw refusePlan(
    `check ${name} holds a database against the commit's migrations, and nothing says how it is asked where it is`,
    texts.where(path),
    `add database: {current: …} to the environment, a command that prints the revision; or commit ${ALEMBIC.settings}, and the worker asks ${ALEMBIC.current}`,
    'docs/databases.md#migrations-applied',
  );
}

/** A path goes behind the environment's url, which may have a path of its own. */
export function resolveUrl(base: string | null, target: string): string {
  return target.startsWith('/') ? `${(base ?? '').replace(/\/$/, '')}${target}` : target;
}
