/**
 * Are messages of other runs what they should be? Anybody with the CLI or the UI can send one, and a handler that
 * throws, or a number that is none, would wedge a run for good. Shape only, and only what a run relies on.
 */
import type {
  Announcement,
  Cutover,
  EnvironmentRequest,
  GoesWithout,
  Superseded,
  Withdrawal,
} from './messages.js';
import { readSigned } from './read-decision.js';
import type { ChangeResult } from './result.js';

type Fields = Record<string, unknown>;

/** What is asked for from outside; `recover` and `retire` are the environment's own. */
const KINDS = ['deploy', 'redeploy', 'rollback'];
const PHASES = ['building', 'waiting', 'queued', 'ended'];
const ENDS = ['succeeded', 'failed', 'aborted', 'rolled-back', 'superseded'];

export function isEnvironmentRequest(value: unknown): value is EnvironmentRequest {
  if (!isObject(value)) return false;
  const { type, version } = value;
  if (type === 'change') return isChangeRequest(value['request']);
  if (type !== 'rollback' && type !== 'redeploy') return false;
  const named = type === 'redeploy' || version === null || isText(version);
  const { restoreDatabase } = value;
  const restores = restoreDatabase === undefined || (type === 'rollback' && isText(restoreDatabase));
  const signed = value['statement'] === undefined || readSigned(value['statement']) !== null;
  return named && restores && signed && isText(value['requestId']) && isActor(value['actor']);
}

function isChangeRequest(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { plan, commit, artifacts, evidence, receipts = [], decisions = [], promotionId } = value;
  return (
    KINDS.includes(String(value['kind'])) &&
    isText(value['requestId']) &&
    isText(value['version']) &&
    isObject(commit) &&
    isText(commit['sha']) &&
    isObject(plan) &&
    isText(plan['pipeline']) &&
    isText(plan['name']) &&
    isText(plan['planHash']) &&
    Array.isArray(plan['steps']) &&
    Array.isArray(plan['hosts']) &&
    isListOfObjects(artifacts) &&
    isListOfObjects(evidence) &&
    isListOfObjects(receipts) &&
    isListOfObjects(decisions) &&
    isActor(value['actor']) &&
    (promotionId === null || isText(promotionId))
  );
}

export function isAnnouncement(value: unknown): value is Announcement {
  if (!isObject(value)) return false;
  const { supersedes } = value;
  return (
    ['requestId', 'workflowId', 'version', 'commit'].every((field) => isText(value[field])) &&
    PHASES.includes(String(value['phase'])) &&
    Array.isArray(supersedes) &&
    supersedes.every(isText)
  );
}

export function isWithdrawal(value: unknown): value is Withdrawal {
  if (!isObject(value) || !isText(value['requestId'])) return false;
  return value['decision'] === null || isActor(value['decision']);
}

export function isCutover(value: unknown): value is Cutover {
  if (!isObject(value)) return false;
  const { token, prior } = value;
  return (
    Number.isSafeInteger(token) &&
    Number(token) >= 0 &&
    isText(value['requestId']) &&
    isObject(value['target']) &&
    typeof value['switching'] === 'boolean' &&
    (prior === null || isListOfObjects(prior))
  );
}

export function isGoesWithout(value: unknown): value is GoesWithout {
  if (!isObject(value) || !isText(value['requestId'])) return false;
  const { apart } = value;
  return (
    isObject(apart) &&
    ['host', 'why', 'since'].every((field) => isText(apart[field])) &&
    (apart['state'] === 'quarantined' || apart['state'] === 'before')
  );
}

export function isSuperseded(value: unknown): value is Superseded {
  return isObject(value) && isText(value['environment']) && isText(value['version']);
}

export function isChangeResult(value: unknown): value is ChangeResult {
  return (
    isObject(value) &&
    ENDS.includes(String(value['state'])) &&
    isText(value['headline']) &&
    typeof value['clean'] === 'boolean' &&
    isListOfObjects(value['steps']) &&
    isListOfObjects(value['unwind']) &&
    (value['said'] === undefined || isSaid(value['said']))
  );
}

function isSaid(value: unknown): boolean {
  if (!isObject(value) || !isListOfObjects(value['denials'])) return false;
  const { decisions } = value;
  return Array.isArray(decisions) && decisions.every(isTaken);
}

function isTaken(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { reason } = value;
  const texts = ['decision', 'by', 'proof', 'at', 'decisionId'].map((field) => value[field]);
  return texts.every((text) => typeof text === 'string') && (reason === null || typeof reason === 'string');
}

function isActor(value: unknown): boolean {
  return isObject(value) && isText(value['by']);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.every(isObject);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
