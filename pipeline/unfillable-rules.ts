/** Approvals that a policy asks for and nobody can give, as its groups and signers are now: a release would wait in vain. Pure. */
import { isGivenOnGithub, rulesOf, type ApprovalSetting } from './approval-rules.js';
import type { FilePath } from './file-error.js';
import type { EnvironmentPolicy, Policy } from './policy-file.js';

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

/** `canSign`: can this person's signature under an approval ever hold? */
export function findUnfillable(policy: Policy, canSign: (person: string) => boolean): UnfillableRule[] {
  return [...policy.pipelines].flatMap(([pipeline, { environments }]) =>
    [...environments].flatMap(([name, environment]) => {
      const path = ['pipelines', pipeline, 'environments', name, 'approvals'];
      const asked = listAsked(policy, environment, canSign);
      const alone = asked.filter(({ count, givers }) => givers.size < count);
      return alone.length > 0 ? alone.map((rule) => explainOne(rule, path)) : explainTogether(asked, path);
    }),
  );
}

/** Rules without a group are anybody's. */
function listAsked(
  policy: Policy,
  environment: EnvironmentPolicy,
  canSign: (person: string) => boolean,
): Asked[] {
  const onGithub = new Set(policy.github?.values());
  return rulesOf(environment).flatMap(({ group, count, by = 'ssh' }, index) => {
    if (group === undefined) return [];
    const people = policy.groups?.get(group) ?? [];
    const canGive = (person: string): boolean =>
      isGivenOnGithub(by) ? onGithub.has(person) : by !== 'ssh' || canSign(person);
    return [
      { group, count, by, index, members: identities(people), givers: identities(people.filter(canGive)) },
    ];
  });
}

/** As approvals are counted. */
function identities(names: readonly string[]): Set<string> {
  return new Set(names.map((person) => person.toLowerCase()));
}

function explainOne({ group, count, by, index, members, givers }: Asked, path: FilePath): UnfillableRule {
  const asked = `${count} ${count === 1 ? 'approval' : 'approvals'} of group ${group} ${count === 1 ? 'is' : 'are'} asked for`;
  const place = [...path, index, 'count'];
  const more = 'add people to the group, or lower count';
  if (members.size < count) {
    const there = members.size === 1 ? '1 person is' : `${members.size} people are`;
    return { path: place, what: `${asked}, and ${there} in it`, wayOut: more };
  }
  const who = `${givers.size === 0 ? 'none' : `only ${givers.size}`} of the ${members.size} in it`;
  return isGivenOnGithub(by)
    ? {
        path: place,
        what: `${asked}, and ${who} ${givers.size > 1 ? 'have' : 'has'} a login that the policy knows`,
        wayOut: `name their logins under github, ${more}`,
      }
    : {
        path: place,
        what: `${asked}, and ${who} can sign ${count === 1 ? 'it' : 'them'}`,
        wayOut: `mend allowed_signers (docs/approvals.md#allowed_signers), ${more}`,
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
