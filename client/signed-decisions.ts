/** Switching, rolling back and freezing where the policy says who may: signed with the person's SSH key, sent, and heard. */
import { randomUUID } from 'node:crypto';
import { DECISION_NAMESPACE, writeDecision } from '../pipeline/decision-statement.js';
import type { DecisionSubject } from '../pipeline/plan.js';
import type { Actor, Decision, EnvironmentStatus, ProgressStatus } from '../workflows/messages.js';
import { UPDATE } from '../workflows/names.js';
import { groupsThatMayBringBack, groupsThatMayFreeze, releaseOf } from '../workflows/who-may.js';
import type { Decided, DecisionOptions, RollbackOptions, SignedRollback, SigningOptions } from './decided.js';
import { findSigningKey, sentWith, signText, type Signed } from './sign-with-ssh.js';
import { newRequestId } from './start-release.js';
import { endedMeanwhile, type DecisionTarget } from './targets.js';
import { reasonToSign } from './text-to-sign.js';
import { refused } from './user-error.js';
import { afterHearing } from './wait-until-heard.js';

/** A rollback may wait for the change in flight to end. */
const DECISION_LASTS_MS = 24 * 3_600_000;

/** What of a client it needs. */
interface Speaker {
  actor: Actor;
  pipeline: string;
  status(environment: string): Promise<EnvironmentStatus | null>;
  progress(workflowId: string): Promise<ProgressStatus | null>;
  decide(target: DecisionTarget, name: 'switchTraffic', said: Partial<Decision>): Promise<Decided>;
  decideAtEnvironment(
    environment: string,
    name: 'freeze' | 'unfreeze',
    said: Partial<Decision>,
  ): Promise<Decided>;
}

export interface FreezeOptions extends SigningOptions {
  /** freeze only: ISO time; null = until it is lifted. */
  until?: string | null;
}

/** Throws UserError when a signature is wanted and no key can give it: exit 5 for none, 2 for one that was named. */
export async function switchSigned(
  client: Speaker,
  target: DecisionTarget,
  options: DecisionOptions & SigningOptions,
): Promise<Decided> {
  const shown = await client.progress(target.workflowId);
  // what waits for no word refuses every one: nobody signs for nothing
  const signed =
    shown?.waitingFor === 'switch'
      ? await signSwitch(client, requireShown(shown.environment, target, shown), options)
      : null;
  const said = { reason: options.reason ?? null, ...sentWith(signed) };
  const decided = await client.decide(target, UPDATE.switchTraffic, said);
  if (signed === null) return decided;
  const { proof } = signed;
  return await afterHearing({ ...decided, proof }, () => client.progress(target.workflowId));
}

/** Throws UserError (exit 5) when there is nothing to sign about, or it is not the version that was meant. */
export function requireShown(
  environment: string,
  target: DecisionTarget,
  shown: ProgressStatus | null,
): ProgressStatus {
  if (shown === null) throw endedMeanwhile(environment);
  if (shown.version === target.version) return shown;
  throw refused({
    what: `it is ${shown.version} that waits there, not ${target.version}`,
    where: environment,
    wayOut: `look at it: slipway status ${environment}`,
  });
}

/** null = the policy asks for no signature, and neither do the options. Throws as `switchSigned`. */
export async function signSwitch(
  client: Pick<Speaker, 'actor'>,
  shown: ProgressStatus,
  options: SigningOptions,
): Promise<Signed | null> {
  const { pipeline, environment, version, commit, planHash, switching } = shown;
  if (switching === undefined || !mustSign(switching.groups, options)) return null;
  const { requestId, token } = switching;
  const digests = shown.artifacts.map(({ digest }) => digest);
  const release = { version, commit: commit.sha, planHash, digests };
  const about = { decision: 'switch' as const, pipeline, environment, requestId, token, release };
  return await sign({ ...about, until: null }, { ...client, groups: switching.groups }, options);
}

/**
 * For `requestRollback`, to a release that was good there. null and throws as `signSwitch`; exit 5 when it was not good.
 */
export async function signRollback(
  { actor }: Pick<Speaker, 'actor'>,
  { pipeline, environment, good, live }: EnvironmentStatus,
  version: string,
  options: SigningOptions & Pick<RollbackOptions, 'restoreDatabase'>,
): Promise<SignedRollback | null> {
  const record = good.find((each) => each.version === version);
  if (record === undefined)
    throw refused({
      what: `${version} is none of the last good releases there`,
      where: environment,
      wayOut: `slipway status ${environment}`,
    });
  const groups = groupsThatMayBringBack(record, live);
  if (!mustSign(groups, options)) return null;
  const requestId = newRequestId(`rollback-${version}`);
  const about = { decision: 'rollback' as const, pipeline, environment, requestId, token: null };
  const { restoreDatabase = null } = options;
  const restores = restoreDatabase === null ? {} : { restoreDatabase };
  const said = { ...about, release: releaseOf(record), until: null, ...restores };
  const { reason, statement, proof } = await sign(said, { actor, groups }, options);
  return { requestId, reason, statement, proof };
}

/** Throws as `switchSigned`. */
export async function freezeSigned(
  client: Speaker,
  environment: string,
  name: 'freeze' | 'unfreeze',
  options: FreezeOptions,
): Promise<Decided> {
  const { until = null, reason = null } = options;
  const signed = await signFreeze(client, environment, name, options);
  const decided = await client.decideAtEnvironment(environment, name, {
    until,
    reason,
    ...sentWith(signed),
  });
  if (signed === null) return decided;
  const heard = await afterHearing(decided, () => client.status(environment));
  const now = await client.status(environment).catch(() => null);
  // the worker asks its policy, which may be newer than what is known here
  const proof = now?.freeze?.proof ?? signed.proof;
  return { ...heard, proof, reply: { ...heard.reply, state: now?.headline ?? heard.reply.state } };
}

/** null as `signSwitch`; throws as `switchSigned`. */
export async function signFreeze(
  client: Pick<Speaker, 'actor' | 'pipeline' | 'status'>,
  environment: string,
  name: 'freeze' | 'unfreeze',
  options: FreezeOptions,
): Promise<Signed | null> {
  const status = await client.status(environment);
  const groups = status === null ? null : groupsThatMayFreeze(status);
  if (!mustSign(groups, options)) return null;
  const { pipeline, actor } = client;
  const about = { decision: name, pipeline, environment, requestId: null, token: null, release: null };
  return await sign({ ...about, until: options.until ?? null }, { actor, groups }, options);
}

function mustSign(
  groups: readonly string[] | null,
  { key = null, insists = false }: SigningOptions,
): boolean {
  return groups !== null || key !== null || insists;
}

/** A decision that is about no request is its own: its nonce says which. */
async function sign(
  { requestId, ...about }: Omit<DecisionSubject, 'requestId'> & { requestId: string | null },
  { actor: { by }, groups }: { actor: Actor; groups: readonly string[] | null },
  { key = null, env = process.env, reason: written }: SigningOptions,
): Promise<Signed> {
  const reason = reasonToSign(written);
  const keyFile = findSigningKey(key, env);
  const nonce = randomUUID();
  const expires = new Date(Date.now() + DECISION_LASTS_MS).toISOString();
  const said = { slipway: 'decision/2' as const, ...about, requestId: requestId ?? nonce };
  const payload = writeDecision({ ...said, by, reason, nonce, expires });
  const statement = await signText(payload, { namespace: DECISION_NAMESPACE, keyFile });
  return { statement, nonce, reason, proof: groups === null ? 'unverified' : 'ssh' };
}
