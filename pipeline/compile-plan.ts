/** The pipeline file at a commit + what is asked for → the plan of a release. Pure: files come in as text. */
import picomatch from 'picomatch';
import { compileArtifacts, compileRegistry } from './compile-artifacts.js';
import { compileGates } from './compile-checks.js';
import { compileEnvironment } from './compile-environment.js';
import type { RepositoryTexts } from './compile-platform.js';
import { releaseValues, TextCompiler, type ReleaseFacts } from './compile-text.js';
import { findNotYet } from './find-not-yet.js';
import { compileForce } from './force-rules.js';
import { settingsOf } from './environment-settings.js';
import { withHash } from './hash-plan.js';
import type { LoadedFile } from './load-pipeline.js';
import { selectEnvironments } from './match-ref.js';
import {
  PLAN_VERSION,
  type CommitFacts,
  type EnvironmentPlan,
  type NotifyPlan,
  type ReleasePlan,
  type ReleaseRef,
  type RepositoryLocation,
} from './plan.js';
import { refusePlan } from './plan-refused.js';
import { isVersionName } from './ref-names.js';
import { NOTIFY_EVENTS } from './schema-notify.js';
import { parseVersion } from './versions.js';

const LARGEST_ENVIRONMENT_BYTES = 200 * 1024;

export interface CompileInput {
  /** From loadPipeline, named by its path in the repository. */
  file: LoadedFile;
  /** Texts at the commit of what `requiredFiles` lists; what the commit does not have is absent. */
  files: RepositoryTexts;
  repository: RepositoryLocation;
  commit: CommitFacts;
  ref: ReleaseRef;
  /** null = the tag, else the first seven digits of the commit. */
  version: string | null;
  /** Environments asked for by name; empty = what the ref selects and starts by itself. */
  to: readonly string[];
  /**
   * Paths changed since the release that is live, for `paths-ignore`, for all environments or per environment;
   * null or absent = unknown, so nothing is skipped.
   */
  changedPaths: readonly string[] | ReadonlyMap<string, readonly string[]> | null;
  /** Nobody asked for it, a push did: a ref that no environment takes is nothing to do, and no mistake. */
  unasked?: boolean;
}

/** Throws PlanRefused when ref, request, commit or a template value does not fit the file. */
export function compilePlan(input: CompileInput): ReleasePlan {
  const { file, files, repository, commit, ref, to } = input;
  const { content } = file;
  const selection = selectEnvironments(content, ref, to, input.unasked);
  const version = input.version ?? (ref.kind === 'tag' ? ref.name : commit.sha.slice(0, 7));
  requireVersion(file, ref, version);
  const facts: ReleaseFacts = { pipeline: content.pipeline, commit, ref, version };
  const texts = new TextCompiler(file, releaseValues(facts));
  const unchanged = to.length > 0 ? [] : selection.environments.filter((name) => isIgnored(input, name));
  const environments = selection.environments
    .filter((name) => !unchanged.includes(name))
    .map((name) => compileEnvironment({ file, of: settingsOf(content, name), facts, repository, files }))
    .map((plan) => requireSize(file, plan));
  // where there is nothing to do there is nothing to ask
  const gates = environments.length === 0 ? [] : compileGates(content, content.release?.gates ?? [], texts);
  const notYet = environments.length === 0 ? [] : findNotYet(file, selection.environments);
  return withHash({
    planVersion: PLAN_VERSION,
    pipeline: content.pipeline,
    version,
    commit,
    ref,
    repository,
    file: file.name,
    artifacts: compileArtifacts(content, texts),
    registry: compileRegistry(content, content.registry, ['registry'], texts),
    gates,
    ...compileForce(content, gates, texts),
    environments,
    skipped: [
      ...selection.skipped,
      ...unchanged.map((environment) => ({ environment, why: 'only paths in paths-ignore have changed' })),
    ],
    notify: compileNotify(file, texts),
    ...(notYet.length === 0 ? {} : { notYet }),
  });
}

function requireVersion(file: LoadedFile, ref: ReleaseRef, version: string): void {
  if (!isVersionName(version)) {
    throw refusePlan(
      `the version ${JSON.stringify(version.slice(0, 100))} has characters that cannot be used`,
      file.name,
      'use letters, digits and . _ / + = @ , - only',
    );
  }
  if (file.content.release?.version !== 'semver' || ref.kind !== 'tag') return;
  const parsed = parseVersion(ref.name);
  if (parsed.ok) return;
  const { line, column } = file.positionOf(['release', 'version']);
  throw refusePlan(
    parsed.message,
    `${file.name}:${line}:${column}`,
    parsed.suggestion === null ? 'tag the commit with such a version' : `did you mean ${parsed.suggestion}?`,
  );
}

/** An environment remembers several plans, and all it remembers must go through Temporal in one payload of 2 MB. */
function requireSize(file: LoadedFile, plan: EnvironmentPlan): EnvironmentPlan {
  const bytes = Buffer.byteLength(JSON.stringify(plan));
  if (bytes <= LARGEST_ENVIRONMENT_BYTES) return plan;
  const { line, column } = file.positionOf(['environments', plan.name]);
  const kilobytes = Math.ceil(bytes / 1024);
  throw refusePlan(
    `the plan of environment ${plan.name} has ${kilobytes} KB, at most ${LARGEST_ENVIRONMENT_BYTES / 1024} KB can be carried out`,
    `${file.name}:${line}:${column}`,
    'shorten what it brings along: the stack file, known_hosts, or long commands (put them into scripts on the host)',
  );
}

/** Has nothing changed but what the environment ignores? No change at all (the same commit again) is not ignored. */
function isIgnored({ file, changedPaths }: CompileInput, name: string): boolean {
  const patterns = settingsOf(file.content, name).settings['paths-ignore'] ?? [];
  const changed = changedPaths instanceof Map ? changedPaths.get(name) : changedPaths;
  if (patterns.length === 0 || !Array.isArray(changed) || changed.length === 0) return false;
  const ignored = picomatch([...patterns], { dot: true });
  return changed.every((path) => ignored(path));
}

function compileNotify(file: LoadedFile, texts: TextCompiler): NotifyPlan[] {
  return (file.content.notify ?? []).map((notify, index) => {
    const at = (key: string) => ['notify', index, key];
    const common = { when: [...(notify.when ?? NOTIFY_EVENTS)], environments: notify.environments ?? [] };
    switch (notify.kind) {
      case 'slack':
        return { ...common, kind: 'slack', target: texts.text(notify.slack, at('slack')), token: null };
      case 'discord':
        return { ...common, kind: 'discord', target: texts.text(notify.discord, at('discord')), token: null };
      case 'telegram':
        return {
          ...common,
          kind: 'telegram',
          target: texts.text(notify.telegram, at('telegram')),
          token: texts.text(notify.token, at('token')),
        };
      case 'webhook':
        return {
          ...common,
          kind: 'webhook',
          target: texts.text(notify.webhook, at('webhook')),
          token: texts.optional(notify.token, at('token')),
        };
    }
  });
}
