/** What people and programs send as a decision or sign as a force, read once. Pure. */
import type { Decision, Force } from './messages.js';
import type { SignedStatement } from './signed-statements.js';
import { oneLine } from './plain-text.js';

const TEXTS = ['decisionId', 'reason', 'planHash', 'digest', 'group', 'host', 'until'] as const;

/** A reason is a sentence, a digest per artifact; whatever is longer would be carried along for months. */
const LONGEST_TEXT = 10_000;

/** Shape only: whether it may be done is decide()'s to say. null = well formed. */
export function findProblem(input: unknown): string | null {
  if (!isObject(input)) return 'a decision is an object; give at least {"by": "your name"}';
  if (typeof input['by'] !== 'string' || nameOf(input['by']) === '')
    return 'a decision says who takes it; add "by": "your name"';
  const wrong = TEXTS.find((field) => typeof (input[field] ?? '') !== 'string');
  if (wrong !== undefined) return `${wrong} of a decision is text; put it in quotes or leave it out`;
  if (input['statement'] !== undefined && readSigned(input['statement']) === null)
    return `statement of a decision is {"scheme": "ssh", "payload": …, "signature": …} or {"scheme": "oidc", "payload": …, "token": …}, each of at most ${LONGEST_TEXT} characters; slipway approve --print writes it, and so do switch and freeze`;
  const long = ['by', ...TEXTS].find((field) => isTooLong(input[field]));
  return long === undefined
    ? null
    : `${long} of a decision has at most ${LONGEST_TEXT} characters; shorten it`;
}

function isTooLong(value: unknown): boolean {
  return typeof value === 'string' && value.length > LONGEST_TEXT;
}

/** People typing JSON leave out what they do not need. */
export function completeDecision(input: unknown, newId: () => string): Decision {
  const fields = isObject(input) ? input : {};
  const statement = readSigned(fields['statement']);
  const text = (field: (typeof TEXTS)[number]): string | null => {
    const value = fields[field];
    return typeof value === 'string' ? value : null;
  };
  return {
    by: nameOf(String(fields['by'])),
    proof: 'unverified',
    // What the UI's form leaves empty is left out.
    decisionId: text('decisionId') || newId(),
    reason: text('reason'),
    planHash: text('planHash'),
    digest: text('digest'),
    group: text('group'),
    host: text('host'),
    until: text('until'),
    ...(statement === null ? {} : { statement }),
  };
}

/** What somebody signed, well formed; null = it is not. */
export function readSigned(value: unknown): SignedStatement | null {
  if (!isObject(value)) return null;
  const { scheme, payload } = value;
  const proof = scheme === 'ssh' ? value['signature'] : scheme === 'oidc' ? value['token'] : null;
  if (typeof payload !== 'string' || typeof proof !== 'string') return null;
  if (isTooLong(payload) || isTooLong(proof)) return null;
  return scheme === 'ssh' ? { scheme, payload, signature: proof } : { scheme: 'oidc', payload, token: proof };
}

/** A gate and what was signed of it, as a request has it; null = it is malformed. */
export function readForce(value: unknown): Force | null {
  if (!isObject(value)) return null;
  const { gate } = value;
  const statement = readSigned(value['statement']);
  return typeof gate === 'string' && statement?.scheme === 'ssh' ? { gate, statement } : null;
}

/** Names that look the same are one person: what cannot be seen is not part of a name. */
function nameOf(by: string): string {
  return oneLine(by).normalize('NFC').trim();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
