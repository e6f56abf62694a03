/** What people sign, against a worker's own files: who it really was, and whether the policy of this moment lets them. */
import type { MayRule } from '../../pipeline/plan.js';
import { rulesOfEnvironment } from '../../pipeline/policy-file.js';
import { isAmong } from '../../workflows/decisions.js';
import type { SignedStatement } from '../../workflows/signed-statements.js';
import type { LoadedPolicy } from './policy-store.js';
import { findBrokenKeyFile } from './key-files.js';
import { checkSignature, type Denied, type SignatureAnswer } from './ssh-signature.js';

type Word = string | number | null | undefined;

/** Whoever passes a word on could give it another reason. */
export const OTHER_REASON = 'its reason is not the one that was signed';

/** Is it from `by`? Rejects when ssh-keygen cannot be run. */
export async function findSigner(
  { allowedSigners, revokedKeys }: LoadedPolicy,
  statement: SignedStatement,
  { namespace, by }: { namespace: string; by: string },
): Promise<SignatureAnswer> {
  if (statement.scheme !== 'ssh')
    return {
      isGood: false,
      why: 'it came with a token, and this is signed with an SSH key',
      wayOut: 'sign it: --key PATH',
    };
  const { payload, signature } = statement;
  if (allowedSigners === null)
    return {
      isGood: false,
      why: "the worker's policy names no allowed-signers, so nobody can sign",
      wayOut: 'the owner of the worker names the file in its policy.yaml (docs/policy.md)',
    };
  const broken = await findBrokenKeyFile([allowedSigners, revokedKeys]);
  if (broken !== null)
    return {
      isGood: false,
      why: `the worker cannot check signatures: ${broken.what}`,
      wayOut: broken.wayOut,
    };
  const signed = { text: payload, signature, namespace, by, allowedSigners, revokedKeys };
  const answer = await checkSignature(signed);
  return answer.isGood ? answer : { ...answer, why: `the signature does not hold: ${answer.why}` };
}

/** As the evidence has it. */
export function noteOf({ why, wayOut }: Denied): { note: string; wayOut: string } {
  return { note: why, wayOut };
}

export function notInGroups(policy: LoadedPolicy, by: string, groups: readonly string[]): Denied {
  const why = `${by} is not in ${groups.length === 1 ? 'group' : 'groups'} ${groups.join(' or ')}`;
  const owner = 'the owner of the worker changes groups in its policy.yaml';
  const near = namedOtherwise(policy, groups, by);
  return near === null
    ? { why, wayOut: `ask somebody of ${groups.join(' or ')}, or ${owner}` }
    : {
        why: `${why}, but ${near} is: upper and lower case differ`,
        wayOut: `say who you are, as it is written there, with SLIPWAY_ACTOR, or ${owner}`,
      };
}

/** Who has the same name there in other case; null = nobody. */
export function namedOtherwise(
  { content }: LoadedPolicy,
  groups: readonly string[],
  by: string,
): string | null {
  const members = groups.flatMap((group) => content.groups?.get(group) ?? []);
  return members.find((person) => person !== by && isAmong(person, [by])) ?? null;
}

export function isInOneOf({ content }: LoadedPolicy, groups: readonly string[], by: string): boolean {
  return groups.some((group) => content.groups?.get(group)?.includes(by) === true);
}

/** What was signed beside what is asked for: the first that differs, by its name; null = none does. */
export function firstOther(pairs: [name: string, signed: Word, asked: Word][]): string | null {
  return pairs.find(([, signed, asked]) => signed !== asked)?.[0] ?? null;
}

/** Groups whose signed word it takes; null = nobody's. */
export function groupsOfPolicy(
  policy: LoadedPolicy | null,
  { pipeline, environment }: { pipeline: string; environment: string },
  right: keyof MayRule,
): readonly string[] | null {
  const rules = rulesOfEnvironment(policy?.content, pipeline, environment);
  return rules?.may?.[right] ?? null;
}
