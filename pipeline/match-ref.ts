/** Which environments a branch or tag may enter. */
import { settingsOf } from './environment-settings.js';
import { orderEnvironments } from './order-environments.js';
import type { PipelineFile } from './pipeline-file.js';
import type { ReleaseRef } from './plan.js';
import { refusePlan } from './plan-refused.js';
import { isRefName, isVersionName } from './ref-names.js';
import type { Takes } from './schema-environment.js';
import { explainUnknownEnvironment } from './unknown-environment.js';
import { typedWord } from './typed-word.js';
import { parseVersion, suggestVersion } from './versions.js';

export interface Selection {
  /** In the order of `after`. */
  environments: string[];
  /** The ref fits, but they are started by hand. */
  skipped: { environment: string; why: string }[];
}

/** `*` stands for any text inside one level: `release/*` takes `release/1.2`, not `release/1.2/fix`. */
export function matchesPattern(pattern: string, name: string): boolean {
  const patterns = pattern.split('/');
  const names = name.split('/');
  return (
    patterns.length === names.length &&
    patterns.every((part, index) => matchesLevel(part, names[index] ?? ''))
  );
}

/** Pieces between stars, each found after the one before: linear, whatever the pattern. */
function matchesLevel(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first)) return false;
  let from = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, from);
    if (found === -1) return false;
    from = found + piece.length;
  }
  return name.length - last.length >= from && name.endsWith(last);
}

/** `v*.*.*` is how teams write "a version": `v1.2.x` fits the stars and is none. */
function meansVersion(pattern: string): boolean {
  return /^v?\*\.\*\.\*$/.test(pattern);
}

export function takesRef(takes: Takes, ref: ReleaseRef): boolean {
  if (takes.kind === 'branch') return ref.kind === 'branch' && matchesPattern(takes.branch, ref.name);
  if (ref.kind !== 'tag' || !matchesPattern(takes.tag, ref.name)) return false;
  return !meansVersion(takes.tag) || parseVersion(ref.name).ok;
}

function describeTakes(content: PipelineFile): string {
  return orderEnvironments(content)
    .map((name) => {
      const from = content.environments.get(name)?.from ?? [];
      return `${name} takes ${from.map((takes) => (takes.kind === 'branch' ? `branch ${takes.branch}` : `tag ${takes.tag}`)).join(' or ')}`;
    })
    .join(', ');
}

function describeRef(ref: ReleaseRef): string {
  return `${ref.kind} ${ref.name.slice(0, 100)}`;
}

/** The tag the author probably meant, when tags are what a version-taking environment wants. */
function adviseTag(content: PipelineFile, names: readonly string[], ref: ReleaseRef): string | null {
  if (ref.kind !== 'tag' || parseVersion(ref.name).ok) return null;
  const patterns = names.flatMap((name) => content.environments.get(name)?.from ?? []);
  if (!patterns.some((takes) => takes.kind === 'tag' && meansVersion(takes.tag))) return null;
  const meant = suggestVersion(ref.name);
  const form = 'a version tag has the form vMAJOR.MINOR.PATCH, such as v1.2.3 or v1.2.3-beta.1';
  return meant === null ? form : `${form}; did you mean ${meant}?`;
}

/**
 * A branch may be called whatever git permits: its name is compared and shown, and refused where the file would put it
 * into a command (`{branch}`). A tag is the version and goes everywhere. Throws PlanRefused.
 */
function requireRefName({ kind, name }: ReleaseRef): void {
  const where = `${kind} ${JSON.stringify(name.slice(0, 100))}`;
  if (!isRefName(name)) {
    throw refusePlan(
      `no ${kind} can have this name`,
      where,
      `give it as git ${kind === 'tag' ? 'tag' : 'branch'} --list prints it; one that begins with - or has invisible characters must be renamed`,
    );
  }
  if (kind !== 'tag' || isVersionName(name)) return;
  throw refusePlan(
    'a tag becomes the version, and this one has characters that image tags and commands cannot carry',
    where,
    'tag the commit again with at most 100 letters, digits and . _ / @ + = , - such as v1.2.3',
  );
}

/**
 * What `ref` releases to: the environments named in `to`, or those that take the ref and start by themselves.
 * Throws PlanRefused for an unknown environment and for a ref that an environment (or all of them) does not take.
 * `unasked`: a push, which may be of any ref: where no environment takes it there is nothing to do. Only a tag that was
 * meant as a version is refused all the same.
 */
export function selectEnvironments(
  content: PipelineFile,
  ref: ReleaseRef,
  to: readonly string[] = [],
  unasked = false,
): Selection {
  requireRefName(ref);
  const order = orderEnvironments(content);
  const unknown = to.find((name) => !content.environments.has(name));
  if (unknown !== undefined) {
    const { what, wayOut } = explainUnknownEnvironment(unknown, [...content.environments.keys()]);
    throw refusePlan(what, content.pipeline, wayOut);
  }
  const takers = order.filter((name) =>
    content.environments.get(name)?.from.some((takes) => takesRef(takes, ref)),
  );
  const wanted = to.length === 0 ? takers : order.filter((name) => to.includes(name));
  const refusing = wanted.filter((name) => !takers.includes(name));
  const advice = adviseTag(content, refusing.length === 0 ? order : refusing, ref) ?? adviseCommit(ref);
  if (unasked && wanted.length === 0 && !(advice !== null && /^v?\d/i.test(ref.name))) {
    const why = `does not take ${describeRef(ref)}`;
    return { environments: [], skipped: order.map((environment) => ({ environment, why })) };
  }
  if (wanted.length === 0 || refusing.length > 0) {
    const refuses =
      refusing.length === 0
        ? 'no environment takes'
        : `${refusing.join(' and ')} ${refusing.length === 1 ? 'does' : 'do'} not take`;
    throw refusePlan(
      `${refuses} ${describeRef(ref)}`,
      content.pipeline,
      [advice, describeTakes(content)].filter((part) => part !== null).join('; '),
    );
  }
  const byHand =
    to.length > 0 ? [] : wanted.filter((name) => settingsOf(content, name).settings.start === 'manual');
  return {
    environments: wanted.filter((name) => !byHand.includes(name)),
    skipped: byHand.map((environment) => ({
      environment,
      why: `is started by hand: slipway release ${typedWord(ref.name)} --to ${environment}`,
    })),
  };
}

function adviseCommit(ref: ReleaseRef): string | null {
  return ref.kind === 'commit' ? 'say the branch or tag it is on, since environments take refs' : null;
}
