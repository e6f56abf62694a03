/**
 * Where a payload belongs, and the names under which codec and converters tell each other about it. Pure: workflows load
 * it too.
 */
import type { Payload, SerializationContext } from '@temporalio/common';

/**
 * What a payload is:
 * - `message`         for a workflow from outside: input, signal, update, query, memo at its start
 * - `workflow`        what a workflow says: result, answers, memo, details, the input of its next run
 * - `activity-input`  for an activity (or its summary), from the workflow
 * - `activity-result` from an activity: its result or failure
 * - `heartbeat`       from an activity, for its next attempt
 * - `anywhere`        from somebody who cannot say for whom (the codec server's /encode)
 */
export type PlaceKind =
  'message' | 'workflow' | 'activity-input' | 'activity-result' | 'heartbeat' | 'anywhere';

/** Empty where it does not apply. */
export interface Place {
  kind: PlaceKind;
  namespace: string;
  workflowId: string;
  activityId: string;
  /** Of an activity, its answers and heartbeats: which run of that workflow id asked for it. */
  run: string;
}

/** Keys of a payload's metadata. */
export const METADATA = {
  encoding: 'encoding',
  keyId: 'encryption-key-id',
  /** On what is sealed: the place, readable and authenticated. */
  place: 'slipway-place',
  /** On what a workflow hands to the codec: it comes from a workflow, not from a client or an activity. */
  fromWorkflow: 'slipway-from-workflow',
  /** On what a workflow hands to the codec for an activity: its run. */
  run: 'slipway-run',
  /** On what the codec hands on: the place it was sealed for, or `plaintext`. */
  opened: 'slipway-opened',
} as const;

/** `encoding` of a sealed payload, as Temporal's own samples name it. */
export const SEALED = 'binary/encrypted';
/** `encoding` of what the codec hands on instead of a payload it refused; its data says why. */
export const REFUSED = 'slipway/refused';
/** Under `opened`: plaintext, let through because the key file says so. */
export const PLAINTEXT = 'plaintext';

const KINDS: ReadonlySet<string> = new Set<PlaceKind>([
  'message',
  'workflow',
  'activity-input',
  'activity-result',
  'heartbeat',
  'anywhere',
]);

/** One spelling per place: it is authenticated as text. */
export function writePlace(place: Place): string {
  const { kind, namespace, workflowId, activityId, run } = place;
  return JSON.stringify([kind, namespace, workflowId, activityId, run]);
}

/** null when it is no place. */
export function readPlace(text: string): Place | null {
  const parts = parse(text);
  if (!Array.isArray(parts) || parts.length !== 5 || !parts.every((part) => typeof part === 'string')) {
    return null;
  }
  const [kind = '', namespace = '', workflowId = '', activityId = '', run = ''] = parts;
  return isKind(kind) ? { kind, namespace, workflowId, activityId, run } : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isKind(text: string): text is PlaceKind {
  return KINDS.has(text);
}

/** Does what was sealed for `place` belong where the SDK has met it? `namespace` is the process's own. */
export function belongs(place: Place, namespace: string, context: SerializationContext | undefined): boolean {
  if (place.namespace !== namespace) return false;
  if (context === undefined) return place.kind === 'anywhere';
  if (context.type === 'workflow') {
    if (place.kind === 'anywhere') return true;
    return ['message', 'workflow'].includes(place.kind) && place.workflowId === context.workflowId;
  }
  return (
    ['activity-input', 'activity-result', 'heartbeat'].includes(place.kind) &&
    place.workflowId === (context.workflowId ?? '') &&
    place.activityId === (context.activityId ?? '')
  );
}

/** The value of a metadata key; null when it is not there. */
export function metadataOf(payload: Payload, key: string): string | null {
  const value = payload.metadata?.[key];
  return value === undefined || value === null ? null : new TextDecoder().decode(value);
}
