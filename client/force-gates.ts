/** Gates that a person lets a release pass although they say no: asked for by flags, signed one by one. */
import { randomUUID } from 'node:crypto';
import { FORCE_NAMESPACE, writeForce } from '../pipeline/force-statement.js';
import { LONGEST_REASON } from '../pipeline/signed-statement.js';
import type { ReleasePlan } from '../pipeline/plan.js';
import { suggestWord } from '../pipeline/suggest.js';
import type { Force } from '../workflows/messages.js';
import type { Invocation } from './command.js';
import { findSigningKey, signText } from './sign-with-ssh.js';
import { textToSign } from './text-to-sign.js';
import { badInput, refused } from './user-error.js';

export interface ForceWish {
  gates: ForcedPlace[];
  reason: string;
  ticket: string;
  keyFile: string;
}

/** A gate, and where the release meets it: an environment, or null for before the build. */
export interface ForcedPlace {
  gate: string;
  at: (string | null)[];
  group: string;
}

/** Gates may be asked hours later, once the environments before have baked. */
export const FORCE_LASTS_MS = 24 * 3_600_000;

const LONGEST_TICKET = 100;
const DOCS = 'docs/force.md';

/** What the flags ask for; null = nothing is forced. Throws UserError: exit 2 for mistakes, 5 for gates that nobody may force and where there is no key. */
export function readForceWish(invocation: Invocation, plan: ReleasePlan): ForceWish | null {
  const names = [...new Set(invocation.values('force').flatMap((value) => value.split(',')))]
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) {
    refuseWithoutForce(invocation);
    return null;
  }
  const reason = textToSign('--reason', invocation.global.reason, LONGEST_REASON, DOCS);
  requireText('--reason', reason, 'say why: --reason "the fix is not out yet"');
  const ticket = textToSign('--ticket', invocation.value('ticket'), LONGEST_TICKET, DOCS);
  requireText('--ticket', ticket, 'say where it is written down: --ticket OPS-412');
  const gates = names.map((name) => findForceable(plan, name));
  return { gates, reason, ticket, keyFile: findSigningKey(invocation.value('key'), invocation.terminal.env) };
}

/** What is signed besides who, why and for how long. */
export interface ForceSubject {
  pipeline: string;
  version: string;
  /** Full sha. */
  commit: string;
  /** All that the release goes to. */
  environments: string[];
  requestId: string;
}

/** One statement per gate, for this request only. Throws UserError (exit 2) when the key cannot sign. */
export async function signForces(
  gates: string[],
  subject: ForceSubject,
  person: { by: string; reason: string; ticket: string; keyFile: string },
): Promise<Force[]> {
  const { by, reason, ticket, keyFile } = person;
  const forces: Force[] = [];
  // one after the other: each may ask for a passphrase
  for (const gate of gates) {
    const expires = new Date(Date.now() + FORCE_LASTS_MS).toISOString();
    const payload = writeForce({
      slipway: 'force/1',
      ...subject,
      gate,
      reason,
      ticket,
      by,
      nonce: randomUUID(),
      expires,
    });
    forces.push({ gate, statement: await signText(payload, { namespace: FORCE_NAMESPACE, keyFile }) });
  }
  return forces;
}

function refuseWithoutForce(invocation: Invocation): void {
  for (const flag of ['ticket', 'key']) {
    if (invocation.value(flag) === null) continue;
    throw badInput({
      what: `--${flag} belongs to --force`,
      where: `slipway ${invocation.command}`,
      wayOut: 'say which gate is forced: --force GATE, or leave it out',
      docs: DOCS,
    });
  }
}

function requireText(flag: string, text: string, wayOut: string): void {
  if (text === '') throw badInput({ what: `a force needs ${flag}`, where: flag, wayOut, docs: DOCS });
}

function findForceable(plan: ReleasePlan, name: string): ForcedPlace {
  const places = [
    { at: null, gates: plan.gates, force: plan.force },
    ...plan.environments.map((environment) => ({ at: environment.name, ...environment })),
  ].filter(({ gates }) => gates.some((gate) => gate.name === name));
  if (places.length === 0) {
    const known = [plan, ...plan.environments].flatMap(({ gates }) => gates.map((gate) => gate.name));
    const meant = suggestWord(name, known);
    throw badInput({
      what: `this release asks no gate ${name}`,
      where: '--force',
      wayOut: `${meant === null ? '' : `did you mean ${meant}? `}gates: ${[...new Set(known)].join(', ') || 'none'}`,
      docs: DOCS,
    });
  }
  const force = places.find((place) => place.force?.gates.includes(name) === true)?.force;
  if (force === undefined)
    throw refused({
      what: `nobody may force gate ${name}`,
      where: plan.file,
      wayOut: 'release: {force: {group, gates}} names the gates that may be forced',
      docs: DOCS,
    });
  return { gate: name, at: places.map(({ at }) => at), group: force.group };
}
