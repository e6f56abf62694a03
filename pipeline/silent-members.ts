/**
 * Members of groups who are to sign and never can, as `allowed_signers` is now: known before anybody waits for them. Pure.
 */
import { APPROVAL_NAMESPACE } from './approval-statement.js';
import { rulesOf } from './approval-rules.js';
import { DECISION_NAMESPACE } from './decision-statement.js';
import type { FilePath } from './file-error.js';
import { FORCE_NAMESPACE } from './force-statement.js';
import type { Policy } from './policy-file.js';
import type { SignerLine } from './signer-lines.js';

export interface SilentMember {
  /** In the policy. */
  path: FilePath;
  /** `irina@example.com of group platform cannot sign approvals: …`. */
  what: string;
}

const SIGNED: Record<string, string> = {
  [APPROVAL_NAMESPACE]: 'approvals',
  [FORCE_NAMESPACE]: 'forces',
  [DECISION_NAMESPACE]: 'switches, rollbacks and freezes',
};

/** `revoked`: keys as `SignerLine.key` has them. */
export function findSilentMembers(
  policy: Policy,
  lines: readonly SignerLine[],
  { revoked, nowMs }: { revoked: ReadonlySet<string>; nowMs: number },
): SilentMember[] {
  return [...signingGroups(policy)].flatMap(([group, namespaces]) =>
    (policy.groups?.get(group) ?? []).flatMap((person, index): SilentMember[] => {
      const silent = [...namespaces].flatMap((namespace) => {
        const why = whyNot(person, lines, namespace, { revoked, nowMs });
        return why === null ? [] : [{ namespace, why }];
      });
      const [first] = silent;
      if (first === undefined) return [];
      const alike = silent.filter(({ why }) => why === first.why);
      const acts = alike.map(({ namespace }) => SIGNED[namespace] ?? namespace).join(', ');
      return [
        {
          path: ['groups', group, index],
          what: `${person} of group ${group} cannot sign ${acts}: ${first.why}`,
        },
      ];
    }),
  );
}

/** Groups whose members sign, and the namespaces they need; those that GitHub answers for sign nothing. */
function signingGroups({ pipelines }: Policy): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const add = (groups: readonly string[] | undefined, namespace: string): void => {
    for (const group of groups ?? []) found.set(group, (found.get(group) ?? new Set()).add(namespace));
  };
  for (const { environments, force } of pipelines.values()) {
    if (force !== undefined) add([force.group], FORCE_NAMESPACE);
    for (const environment of environments.values()) {
      for (const { group, by = 'ssh' } of rulesOf(environment))
        if (group !== undefined && by === 'ssh') add([group], APPROVAL_NAMESPACE);
      if (environment.force !== undefined) add([environment.force.group], FORCE_NAMESPACE);
      for (const groups of Object.values(environment.may ?? {})) add(groups, DECISION_NAMESPACE);
    }
  }
  return found;
}

/** People whose signature can hold there, one whatever the case of the letters; Infinity where a pattern names them. */
export function countSigners(
  lines: readonly SignerLine[],
  namespace: string,
  facts: { revoked: ReadonlySet<string>; nowMs: number },
): number {
  const named = lines.flatMap(({ principals }) => principals.split(','));
  const signing = named.filter(
    (name) => !name.startsWith('!') && whyNot(name, lines, namespace, facts) === null,
  );
  if (signing.some((name) => /[*?]/.test(name))) return Infinity;
  return new Set(signing.map((name) => name.toLowerCase())).size;
}

/** null = there is a key that can. One that is only not valid yet will be. */
export function whyNot(
  person: string,
  lines: readonly SignerLine[],
  namespace: string,
  { revoked, nowMs }: { revoked: ReadonlySet<string>; nowMs: number },
): string | null {
  const own = lines.filter((line) => line.names(person));
  if (own.length === 0) {
    const near = lines.find((line) => line.namesInOtherCase(person));
    const hint = near === undefined ? '' : `, but one of ${near.principals}: upper and lower case differ`;
    return `no line of allowed_signers is of that name${hint}`;
  }
  const fit = own.filter((line) => line.isFor(namespace));
  if (fit.length === 0) return `no line of that name is for namespaces="${namespace}"`;
  const lasting = fit.filter(({ validUntilMs }) => validUntilMs > nowMs);
  if (lasting.length === 0) {
    const ended = new Date(Math.max(...fit.map(({ validUntilMs }) => validUntilMs))).toISOString();
    return `the last key of that name was valid before ${ended}`;
  }
  return lasting.every(({ key }) => revoked.has(key)) ? 'every key of that name is revoked' : null;
}
