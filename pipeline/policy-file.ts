/**
 * The schema of `policy.yaml`: what the owner of a worker allows, whatever a repository says. It lies on the worker and
 * comes from no repository. Reference with examples: docs/policy.md.
 */
import { z } from 'zod';
import { approvals, freeze, takesRefs } from './schema-environment.js';
import { choose, closed, named, uniqueList } from './schema-words.js';
import { COMMIT_ID } from './commit-id.js';
import { duration, hostAddress, issuerUrl, repositoryPath } from './schema-values.js';

/** As `allowed_signers` names a person; no spaces, since that file is made of words. */
const person = z.string().regex(/^[^\s,"]{1,200}$/, {
  error: 'must be a name as allowed_signers has it, such as anna@example.com',
});

const commitId = z.string().regex(COMMIT_ID, {
  error: 'must be a full commit id, as git rev-parse HEAD prints it',
});

/** Nobody's name looks like that of a login without a person. */
const githubPerson = person.refine((name) => !name.toLowerCase().endsWith('@github'), {
  error: 'ends with @github, as logins do that no person has; name the person',
});

const entry = z.string().min(1).max(10_000);

/** Letters as useradd takes them; never a number, which could be anybody tomorrow. */
const account = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, {
  error: 'must be the name of a user on the worker, such as slipway-jobs',
});

const runAs = closed({ user: account });

/** Where `ssh:` in the pipeline file has a user or a port, a reference has them as well: `deploy@env:PROD_HOST:2222`. */
const REFERENCE = /^([A-Za-z0-9_][A-Za-z0-9._-]*@)?(env|file|age|sops|vault):\S+$/;
const reachedHost = choose(
  (value) => typeof value === 'string' && REFERENCE.test(value),
  z.string().regex(REFERENCE),
  hostAddress,
);

/** Gates that may be forced, and who may; both files must name a gate. */
const force = closed({ group: z.string().min(1), gates: uniqueList(entry).min(1) }).optional();

const groupsThatMay = uniqueList(entry).min(1).optional();

/** Groups of which one person's signature is enough; what is not named is open to every client. */
const may = closed({ switch: groupsThatMay, rollback: groupsThatMay, freeze: groupsThatMay });

const environment = closed({
  /** true = it is production whatever the pipeline file says. */
  production: z.boolean().optional(),
  from: takesRefs.optional(),
  /** Hosts, jump hosts and the proxy's, with the user and port of `ssh:`; also references such as env:PROD_HOST. */
  hosts: uniqueList(reachedHost),
  /** Services, stacks and what their files reach, folders, logs and proxies' files. */
  targets: uniqueList(entry).optional(),
  /** Commands of the platform, the proxy and the checks, word for word. */
  commands: uniqueList(entry).optional(),
  /** Secret references it may use, `*` for any text: those of another environment are none of its business. */
  secrets: uniqueList(entry).optional(),
  approvals: approvals.optional(),
  'self-approval': z.boolean().optional(),
  /** Full sha to begin with, until a release that was let in is live: of reviews, of authors, of migrations. */
  reviewed: commitId.optional(),
  wait: duration().optional(),
  /** How long the word of a gate lets a deploy begin. */
  'evidence-within': duration({ atLeastMs: 3_600_000 }).optional(),
  /** Its commands and checks on the worker, instead of the user of the whole policy. */
  'run-as': runAs.optional(),
  /** Nothing begins then; as in the pipeline file. */
  freeze: freeze.optional(),
  /** Of the environment's gates; without it none. */
  force,
  /** Who switches traffic, rolls back or deploys again, freezes and opens. */
  may: may.optional(),
});

const pipeline = closed({
  /** URLs the worker may fetch it from. */
  repositories: uniqueList(entry).min(1),
  /** Paths of its pipeline file; default slipway.yaml. */
  files: uniqueList(repositoryPath('pipeline')).min(1).optional(),
  /** Of the release's own gates; without it none. */
  force,
  /** Any other environment is refused. */
  environments: named('an environment', environment, 'slug'),
});

/** In place of what a claim says: the commit that is approved, `sha: '{commit}'`. */
export const RELEASED_COMMIT = '{commit}';

const claim = z
  .string()
  .min(1)
  .refine((value) => value === RELEASED_COMMIT || !/^\{.*\}$/.test(value), {
    error: `can say ${RELEASED_COMMIT}, the commit that is approved, and no other {name}`,
  });

/** What a token of theirs says, word for word; each is compared, and without any it could be anybody's. */
const claims = named('a claim', z.union([claim, z.boolean(), z.number()])).refine((value) => value.size > 0, {
  error: 'names no claim, so every token of the issuer would do',
});

/** Whose tokens say who approves. */
const provider = closed({
  /** As the claim `iss` has it; its keys are where its discovery says. */
  issuer: issuerUrl,
  /** For tokens that a person logged in for: the client that asked for them. */
  audience: z.string().min(1).optional(),
  who: z.array(closed({ name: person, claims })).min(1),
});

export const policyFile = closed({
  /** Who runs what comes from a pipeline or a commit on the worker itself; absent = the worker's own user. */
  'run-as': runAs.optional(),
  /** OpenSSH files beside this one. */
  'allowed-signers': z.string().min(1).optional(),
  'revoked-keys': z.string().min(1).optional(),
  groups: named('a group', uniqueList(person).min(1)).optional(),
  /** GitHub login → person, as allowed_signers and the groups name them. */
  github: named('a GitHub login', githubPerson).optional(),
  /** Providers of tokens, for approvals by oidc. */
  oidc: z.array(provider).min(1).optional(),
  pipelines: named('a pipeline', pipeline, 'slug'),
});

export type Policy = z.output<typeof policyFile>;
export type TokenProvider = z.output<typeof provider>;
export type EnvironmentPolicy = z.output<typeof environment>;
export type PipelinePolicy = z.output<typeof pipeline>;

/** undefined = there is no policy, or it has no such environment. */
export function rulesOfEnvironment(
  policy: Policy | null | undefined,
  pipeline: string,
  environment: string,
): EnvironmentPolicy | undefined {
  return policy?.pipelines.get(pipeline)?.environments.get(environment);
}
