/** What a policy asks for and nobody can do, as its groups and signers are now: a release would wait in vain. Pure. */
import { APPROVAL_NAMESPACE } from './approval-statement.js';
import { isGivenOnGithub, rulesOf, tokenHolders, type ApprovalSetting } from './approval-rules.js';
import { DECISION_NAMESPACE } from './decision-statement.js';
import { findEndlessWaitOf } from './evidence-age.js';
import type { FilePath } from './file-error.js';
import { FORCE_NAMESPACE } from './force-statement.js';
import type { EnvironmentPolicy, Policy } from './policy-file.js';

const LINES = 'docs/approvals.md#allowed_signers';
const MEND_GROUP = `mend allowed_signers (${LINES}), or add people to the group`;
const ACTS = { switch: 'switch traffic', rollback: 'roll back', freeze: 'freeze' };

export interface UnfillableRule {
  /** In the policy. */
  path: FilePath;
  /** `9 approvals of group platform are asked for, and 3 people are in it`. */
  what: string;
  wayOut: string;
}

interface Asked {
  group: string;
  count: number;
  by: NonNullable<ApprovalSetting['by']>;
  /** Among its rules. */
  index: number;
  /** Who is in the group, and who of them can give it: one person whatever the case of the letters. */
  members: Set<string>;
  givers: Set<string>;
}

export interface Signers {
  /** Can this person's signature ever hold there (`approval@slipway`)? */
  canSign(person: string, namespace: string): boolean;
  /** People who can sign approvals; Infinity where a pattern names them. */
  approvers: number;
}

export function findUnfillable(policy: Policy, signers: Signers): UnfillableRule[] {
  return [...policy.pipelines].flatMap(([pipeline, { environments, force }]) => [
    ...explainForce(policy, force, signers, ['pipelines', pipeline]),
    ...[...environments].flatMap(([name, environment]) => {
      const place = ['pipelines', pipeline, 'environments', name];
      return [
        ...explainApprovals(policy, environment, signers, [...place, 'approvals']),
        ...explainForce(policy, environment.force, signers, place),
        ...explainMay(policy, environment, signers, place),
        ...explainWait(environment, place),
      ];
    }),
  ]);
}

function explainApprovals(
  policy: Policy,
  environment: EnvironmentPolicy,
  { canSign, approvers }: Signers,
  path: FilePath,
): UnfillableRule[] {
  const asked = listAsked(policy, environment, (person) => canSign(person, APPROVAL_NAMESPACE));
  const alone = asked.filter(({ count, givers }) => givers.size < count);
  const holders = identities(tokenHolders(policy)).size;
  const anybody = rulesOf(environment)
    .filter(({ group }) => group === undefined)
    .flatMap(({ by = 'ssh', count }) => {
      if (by === 'ssh' && count > approvers) return [explainAnybody(count, approvers, path)];
      return by === 'oidc' && count > holders ? [explainHolders(count, holders, path)] : [];
    });
  const single = [...anybody, ...alone.map((rule) => explainOne(rule, path))];
  return single.length > 0 ? single : explainTogether(asked, path);
}

function explainAnybody(count: number, approvers: number, path: FilePath): UnfillableRule {
  const known = approvers === 0 ? 'nobody' : approvers === 1 ? '1 person' : `${approvers} people`;
  return {
    path,
    what: `${askedFor(count)}, and allowed_signers knows ${known} who can sign ${count === 1 ? 'it' : 'them'}`,
    wayOut: `add people to allowed_signers (${LINES}), or lower count`,
  };
}

function explainHolders(count: number, holders: number, path: FilePath): UnfillableRule {
  const known = holders === 1 ? '1 person' : `${holders} people`;
  return {
    path,
    what: `${askedFor(count)}, and oidc knows the tokens of ${known}`,
    wayOut: 'name more people under oidc (docs/approvals.md#tokens), or lower count: one person counts once',
  };
}

function explainForce(
  policy: Policy,
  force: EnvironmentPolicy['force'],
  signers: Signers,
  path: FilePath,
): UnfillableRule[] {
  if (force === undefined || holdsSigner(policy, [force.group], signers, FORCE_NAMESPACE)) return [];
  const what = `nobody of ${force.group} can sign a force`;
  return [{ path: [...path, 'force', 'group'], what, wayOut: MEND_GROUP }];
}

function explainWait(environment: EnvironmentPolicy, place: FilePath): UnfillableRule[] {
  const wayOut = 'shorten wait, or make evidence-within at least twice as long as it';
  return findEndlessWaitOf(environment).map((what) => ({
    path: [...place, 'evidence-within'],
    what,
    wayOut,
  }));
}

function explainMay(
  policy: Policy,
  { may = {} }: EnvironmentPolicy,
  signers: Signers,
  path: FilePath,
): UnfillableRule[] {
  return (['switch', 'rollback', 'freeze'] as const).flatMap((act) => {
    const groups = may[act];
    if (groups === undefined || holdsSigner(policy, groups, signers, DECISION_NAMESPACE)) return [];
    const what = `nobody of ${groups.join(' or ')} can sign that they ${ACTS[act]}`;
    return [{ path: [...path, 'may', act], what, wayOut: MEND_GROUP }];
  });
}

function holdsSigner(
  { groups: all }: Policy,
  groups: readonly string[],
  { canSign }: Signers,
  namespace: string,
): boolean {
  return groups.some((group) => (all?.get(group) ?? []).some((person) => canSign(person, namespace)));
}

/** Rules without a group are anybody's. */
function listAsked(
  policy: Policy,
  environment: EnvironmentPolicy,
  canSign: (person: string) => boolean,
): Asked[] {
  const onGithub = new Set(policy.github?.values());
  const holders = new Set(tokenHolders(policy));
  return rulesOf(environment).flatMap(({ group, count, by = 'ssh' }, index) => {
    if (group === undefined) return [];
    const people = policy.groups?.get(group) ?? [];
    const canGive = (person: string): boolean =>
      isGivenOnGithub(by)
        ? onGithub.has(person)
        : by === 'oidc'
          ? holders.has(person)
          : by !== 'ssh' || canSign(person);
    return [
      { group, count, by, index, members: identities(people), givers: identities(people.filter(canGive)) },
    ];
  });
}

/** As approvals are counted. */
function identities(names: readonly string[]): Set<string> {
  return new Set(names.map((person) => person.toLowerCase()));
}

/** `9 approvals of group platform are asked for`. */
function askedFor(count: number, of = ''): string {
  return count === 1 ? `1 approval${of} is asked for` : `${count} approvals${of} are asked for`;
}

function explainOne({ group, count, by, index, members, givers }: Asked, path: FilePath): UnfillableRule {
  const asked = askedFor(count, ` of group ${group}`);
  const place = [...path, index, 'count'];
  const more = 'add people to the group, or lower count';
  if (members.size < count) {
    const there = members.size === 1 ? '1 person is' : `${members.size} people are`;
    return { path: place, what: `${asked}, and ${there} in it`, wayOut: more };
  }
  const who = `${givers.size === 0 ? 'none' : `only ${givers.size}`} of the ${members.size} in it`;
  if (by === 'oidc')
    return {
      path: place,
      what: `${asked}, and ${who} ${givers.size > 1 ? 'have' : 'has'} a token that the policy knows`,
      wayOut: `name them under oidc (docs/approvals.md#tokens), ${more}`,
    };
  return isGivenOnGithub(by)
    ? {
        path: place,
        what: `${asked}, and ${who} ${givers.size > 1 ? 'have' : 'has'} a login that the policy knows`,
        wayOut: `name their logins under github, ${more}`,
      }
    : {
        path: place,
        what: `${asked}, and ${who} can sign ${count === 1 ? 'it' : 'them'}`,
        wayOut: `mend allowed_signers (${LINES}), ${more}`,
      };
}

/** Nobody counts for two of them. */
function explainTogether(asked: Asked[], path: FilePath): UnfillableRule[] {
  const wanted = asked.reduce((sum, { count }) => sum + count, 0);
  const found = countSeated(asked);
  if (found === wanted) return [];
  const groups = [...new Set(asked.map(({ group }) => group))].join(', ');
  const people = found === 1 ? '1 person' : `${found} different people`;
  return [
    {
      path,
      what: `${wanted} approvals by different people are asked for (${groups}), and at most ${people} can give them`,
      wayOut: 'add people to the groups, or lower a count: one person counts once',
    },
  ];
}

/** At most so many can be given at once; whoever holds a place moves to another where that helps. */
function countSeated(asked: Asked[]): number {
  const held = new Map<string, Asked>();
  const seat = (rule: Asked, tried: Set<string>): boolean => {
    for (const person of rule.givers) {
      if (tried.has(person)) continue;
      tried.add(person);
      const holder = held.get(person);
      if (holder !== undefined && !seat(holder, tried)) continue;
      held.set(person, rule);
      return true;
    }
    return false;
  };
  for (const rule of asked) for (let place = 0; place < rule.count; place += 1) seat(rule, new Set());
  return held.size;
}
