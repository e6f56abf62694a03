/** One environment of the file → its plan: nothing optional, nothing to look up later. */
import { completeRule, rulesOf } from './approval-rules.js';
import { compileRegistry } from './compile-artifacts.js';
import { compileChecks, compileGates, requireEachHost, type Surroundings } from './compile-checks.js';
import { compilePlatform, requireFile, type RepositoryTexts } from './compile-platform.js';
import { environmentValues, tagValues, TextCompiler, type ReleaseFacts } from './compile-text.js';
import { compileTraffic } from './compile-traffic.js';
import { toHost } from './each-host.js';
import { saysRevision, strategyOf, type EnvironmentSettings } from './environment-settings.js';
import { compileFreezes } from './freezes.js';
import { compileForce } from './force-rules.js';
import { withHash } from './hash-plan.js';
import type { LoadedFile } from './load-pipeline.js';
import {
  PLAN_VERSION,
  type ApprovalRule,
  type BakePlan,
  type CheckPlan,
  type DatabasePlan,
  type EnvironmentPlan,
  type PreflightPlan,
  type RepositoryLocation,
} from './plan.js';
import type { SshPlan } from './plan-platform.js';
import type { Settings } from './schema-environment.js';
import { renderTags, type RenderedTags } from './render-tags.js';
import { RUN_NAMES } from './templates.js';
import { parseVersion } from './versions.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

const TIMEOUT_MS = 5 * 60 * SECOND;
const KEEP_WARM_MS = { production: 24 * HOUR, other: HOUR };
const BAKE = { intervalMs: 10 * SECOND, failures: 3 };
const LOG_TAIL_LINES = 50;
const DISK_BYTES = 1_000_000_000;
const MAX_KNOWN_HOSTS_BYTES = 64 * 1024;
const DEFAULT_TAGS = ['{version}', 'sha-{sha7}'];
/** Names a database command may still have at run time. */
const DATABASE_RUN_NAMES = [...RUN_NAMES, 'backup', 'previous-revision'];

export interface EnvironmentInput {
  file: LoadedFile;
  of: EnvironmentSettings;
  facts: ReleaseFacts;
  repository: RepositoryLocation;
  files: RepositoryTexts;
}

export function compileEnvironment(input: EnvironmentInput): EnvironmentPlan {
  const { file, of, facts, repository, files } = input;
  const { settings, environment, name } = of;
  const { content } = file;
  const production = environment.production ?? false;
  const base = new TextCompiler(file, environmentValues(facts, name));
  const url = base.optional(settings.url, of.pathOf('url'));
  const texts = base.with({ url });
  const colours = strategyOf(settings) === 'blue-green';
  const hosts = (settings.hosts ?? []).map((host, index) =>
    toHost(texts.text(host, of.pathOf('hosts', index))),
  );
  const traffic = compileTraffic(of, { url, hosts, texts });
  const proxies = traffic?.proxies ?? null;
  const around = { content, url, hosts, proxies, texts, files, saysRevision: saysRevision(settings) };
  const checks = compileChecks(around, settings.checks ?? [], of.pathOf('checks'));
  requireEachHost(around, checks, of.pathOf('checks'));
  const gates = compileGates(content, settings.gates ?? [], texts);
  const bake = compileBake(of, around, checks);
  const registry =
    settings.registry === undefined
      ? compileRegistry(content, content.registry, ['registry'], texts)
      : compileRegistry(content, settings.registry, of.pathOf('registry'), texts);
  const database = compileDatabase(of, texts);
  const warm = production ? KEEP_WARM_MS.production : KEEP_WARM_MS.other;
  return withHash({
    planVersion: PLAN_VERSION,
    pipeline: content.pipeline,
    name,
    repository,
    production,
    url,
    after: environment.after ?? [],
    start: settings.start ?? 'auto',
    queue: settings.queue ?? (production ? 'fifo' : 'newest'),
    onSupersede: settings['on-supersede'] ?? 'finish',
    gates,
    ...compileForce(content, gates, texts),
    approvals: compileApprovals(of, texts),
    selfApproval: settings['self-approval'] ?? !production,
    waitMs: settings.wait ?? 0,
    window: settings.window === undefined ? null : compileWindow(settings.window),
    hosts,
    ssh: compileSsh(of, files, texts),
    preflight: compilePreflight(of, registry !== null, texts),
    platform: compilePlatform(content.pipeline, of, files, texts),
    strategy: strategyOf(settings),
    traffic,
    checks,
    dependencies: compileChecks(around, settings.dependencies ?? [], of.pathOf('dependencies')),
    bake,
    keepWarmMs: colours ? (settings['keep-warm'] ?? warm) : 0,
    retentionMs: toRetention(settings.retention ?? 'forever'),
    rollout: {
      batch: settings.rollout?.batch ?? 1,
      maxFailures: settings.rollout?.['max-failures'] ?? 0,
      failedHost: settings.rollout?.['failed-host'] ?? 'undo',
    },
    database,
    onFailure: settings['on-failure'] ?? 'undo',
    timeoutMs: settings.timeout ?? TIMEOUT_MS,
    ...compileTags(input),
    secrets: texts.record(settings.secrets, of.pathOf('secrets')),
    dockerSecrets: texts.record(settings['docker-secrets'], of.pathOf('docker-secrets')),
    registry,
    hostLog: texts.optional(settings['host-log'], of.pathOf('host-log')),
    logTail: settings['log-tail'] ?? LOG_TAIL_LINES,
    ...compileFreeze(settings.freeze),
    ...compileGithub(settings.github),
    steps: listSteps({ colours, bakes: bake !== null, database }),
  });
}

/** Order of the change; runs in flight keep the one they started with. */
function listSteps(what: { colours: boolean; bakes: boolean; database: DatabasePlan | null }): string[] {
  const { colours, bakes, database } = what;
  const migrates = database?.migrate != null;
  return [
    'preflight',
    'claim',
    'proveWayBack',
    ...(migrates && database.backup !== null ? ['backup'] : []),
    ...(migrates ? ['database'] : []),
    'deploy',
    'verify',
    ...(colours ? ['switch'] : []),
    ...(bakes ? ['bake'] : []),
    // with colours the old one still runs: its retirement takes that away
    ...(database?.contract !== undefined && !colours ? ['contract'] : []),
    'settle',
  ];
}

function compileWindow(window: NonNullable<Settings['window']>): EnvironmentPlan['window'] {
  return { days: window.days, hours: window.hours, zone: window.zone ?? 'UTC' };
}

function compileFreeze(freeze: Settings['freeze']): Pick<EnvironmentPlan, 'freeze'> {
  const freezes = compileFreezes(freeze, 'pipeline file');
  return freezes.length === 0 ? {} : { freeze: freezes };
}

/** Absent where GitHub is told nothing. */
function compileGithub(github: Settings['github']): Pick<EnvironmentPlan, 'github'> {
  const { deployments = false, statuses = false, comment = false } = github ?? {};
  return deployments || statuses || comment ? { github: { deployments, statuses, comment } } : {};
}

function toRetention(retention: number | 'forever'): number | null {
  return retention === 'forever' ? null : retention;
}

function compileApprovals(of: EnvironmentSettings, texts: TextCompiler): ApprovalRule[] {
  return rulesOf(of.settings).map((rule, index) => ({
    ...completeRule(rule, of.name),
    group: texts.optional(rule.group, of.pathOf('approvals', index, 'group')),
  }));
}

function compileSsh(of: EnvironmentSettings, files: RepositoryTexts, texts: TextCompiler): SshPlan {
  const ssh = of.settings.ssh ?? {};
  const knownHosts = texts.optional(ssh['known-hosts'], of.pathOf('ssh', 'known-hosts'));
  return {
    user: texts.optional(ssh.user, of.pathOf('ssh', 'user')),
    port: ssh.port ?? null,
    key: texts.optional(ssh.key, of.pathOf('ssh', 'key')),
    knownHosts:
      knownHosts === null
        ? null
        : requireFile(files, knownHosts, texts.where(of.pathOf('ssh', 'known-hosts')), MAX_KNOWN_HOSTS_BYTES),
    jump: (ssh.jump ?? []).map((host, index) => texts.text(host, of.pathOf('ssh', 'jump', index))),
  };
}

function compilePreflight(of: EnvironmentSettings, hasRegistry: boolean, texts: TextCompiler): PreflightPlan {
  const { platform, preflight } = of.settings;
  const kind = platform?.kind ?? 'command';
  const usesDocker = ['swarm', 'stack', 'compose'].includes(kind);
  const list = (values: string[] | undefined, key: string): string[] =>
    (values ?? []).map((value, index) => texts.text(value, of.pathOf('preflight', key, index)));
  return {
    // a public image needs no login
    registryLogin: preflight?.['registry-login'] ?? (hasRegistry && ['swarm', 'stack'].includes(kind)),
    commands: list(preflight?.commands, 'commands'),
    files: list(preflight?.files, 'files'),
    ports: preflight?.ports ?? [],
    diskBytes: preflight?.disk ?? (usesDocker ? DISK_BYTES : 0),
  };
}

function compileBake(of: EnvironmentSettings, around: Surroundings, checks: CheckPlan[]): BakePlan | null {
  const { bake } = of.settings;
  if (bake === undefined) return null;
  return {
    forMs: bake.for,
    intervalMs: bake.interval ?? BAKE.intervalMs,
    failures: bake.failures ?? BAKE.failures,
    ...(bake['max-errors'] === undefined ? {} : { maxErrors: bake['max-errors'] }),
    checks:
      bake.checks === undefined ? checks : compileChecks(around, bake.checks, of.pathOf('bake', 'checks')),
  };
}

function compileDatabase(of: EnvironmentSettings, texts: TextCompiler): DatabasePlan | null {
  const { database } = of.settings;
  if (database === undefined) return null;
  const command = (
    key: 'migrate' | 'current' | 'revert' | 'backup' | 'restore' | 'prove' | 'contract',
  ): string | null => texts.optionalCommand(database[key], of.pathOf('database', key), DATABASE_RUN_NAMES);
  const [prove, contract] = [command('prove'), command('contract')];
  return {
    migrate: command('migrate'),
    current: command('current'),
    revert: command('revert'),
    backup: command('backup'),
    restore: command('restore'),
    inside: texts.optional(database.inside, of.pathOf('database', 'inside')),
    ...(prove === null ? {} : { prove }),
    ...(contract === null ? {} : { contract }),
    ...(database.timeout === undefined ? {} : { timeoutMs: database.timeout }),
  };
}

function compileTags({ file, of, facts }: EnvironmentInput): RenderedTags {
  const { content } = file;
  const own = of.settings.tags ?? content.tags;
  const isImage = content.images !== undefined || content.image?.kind === 'repository';
  const parsed = facts.ref.kind === 'tag' ? parseVersion(facts.version) : null;
  const stable = parsed?.ok === true && parsed.version.prerelease === '';
  const templates = [
    ...(own ?? (isImage ? DEFAULT_TAGS : [])),
    ...(stable ? (content['stable-tags'] ?? []) : []),
  ];
  const path = of.settings.tags === undefined ? ['tags'] : of.pathOf('tags');
  const { line, column } = file.positionOf(path);
  return renderTags(templates, tagValues(facts, of.name), `${file.name}:${line}:${column}`);
}
