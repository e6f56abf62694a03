/**
 * Seals every payload for its place, and opens only what was sealed for the place it is met in.
 *
 * The SDK tells a codec the owner of a payload (workflow, or activity of a workflow) but not its direction. So workflows
 * mark what they make (`workflow-side.ts`), and an activity's answers are known by the context object its input came
 * with: the SDK hands the same object to both, and a fresh one to heartbeats. Those are of the run whose question for
 * this activity came here last.
 */
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import type { PayloadKeys } from './payload-keys.js';
import { belongs, METADATA, metadataOf, PLAINTEXT, REFUSED, writePlace, type Place } from './place.js';
import { isSealed, openPayload, PayloadRefused, sealPayload } from './seal.js';

export interface PayloadCodecOptions {
  keys: PayloadKeys;
  /** The process's own; a replay does not know it from the SDK. */
  namespace: string;
  /** `mark` hands a refusal on to the worker's converters, `throw` throws PayloadRefused. */
  refusals: 'mark' | 'throw';
}

/** Throws UnknownPayloadKey; PayloadRefused with `refusals: 'throw'`. */
export function createPayloadCodec(options: PayloadCodecOptions): PayloadCodec {
  const { keys, namespace, refusals } = options;
  /** Run that asked for the activity, by the context of its task. */
  const runs = new WeakMap<SerializationContext, string>();
  /** The same by workflow and activity, until it has answered: for its heartbeats. */
  const underway = new Map<string, string>();

  function seal(payload: Payload, context: SerializationContext | undefined): Payload {
    return sealPayload(keys.active, placeOf(payload, context), withoutMarks(payload));
  }

  function placeOf(payload: Payload, context: SerializationContext | undefined): Place {
    const nowhere = { namespace, workflowId: '', activityId: '', run: '' };
    if (context === undefined) return { ...nowhere, kind: 'anywhere' };
    const workflowId = context.workflowId ?? '';
    const fromWorkflow = metadataOf(payload, METADATA.fromWorkflow) !== null;
    if (context.type === 'workflow') {
      return { ...nowhere, workflowId, kind: fromWorkflow ? 'workflow' : 'message' };
    }
    const place = { ...nowhere, workflowId, activityId: context.activityId ?? '' };
    if (fromWorkflow)
      return { ...place, kind: 'activity-input', run: metadataOf(payload, METADATA.run) ?? '' };
    const run = runs.get(context);
    const name = nameOf(place);
    if (run === undefined) return { ...place, kind: 'heartbeat', run: underway.get(name) ?? '' };
    underway.delete(name);
    return { ...place, kind: 'activity-result', run };
  }

  function begin(
    context: SerializationContext,
    place: Pick<Place, 'workflowId' | 'activityId' | 'run'>,
  ): void {
    runs.set(context, place.run);
    underway.set(nameOf(place), place.run);
  }

  function open(payload: Payload, context: SerializationContext | undefined): Payload {
    if (!isSealed(payload)) return takePlaintext(payload, context);
    const { payload: opened, place } = openPayload(keys, payload);
    if (!belongs(place, namespace, context)) throw new PayloadRefused('sealed for another place');
    if (place.kind === 'activity-input' && context !== undefined) begin(context, place);
    // An answer to what was asked in plaintext, before the keys came.
    const unasked = keys.acceptPlaintext && place.kind === 'activity-result' && place.run === '';
    return mark(opened, unasked ? PLAINTEXT : writePlace(place));
  }

  function takePlaintext(payload: Payload, context: SerializationContext | undefined): Payload {
    if (keys.acceptPlaintext) {
      if (context?.type === 'activity')
        begin(context, {
          workflowId: context.workflowId ?? '',
          activityId: context.activityId ?? '',
          run: '',
        });
      return mark(withoutMarks(payload), PLAINTEXT);
    }
    if (context?.type === 'activity') throw new PayloadRefused('not sealed');
    return withoutMarks(payload);
  }

  return {
    encode: (payloads, context) => Promise.resolve(payloads.map((payload) => seal(payload, context))),
    decode: async (payloads, context) =>
      payloads.map((payload) => {
        try {
          return open(payload, context);
        } catch (error) {
          if (error instanceof PayloadRefused && refusals === 'mark') return refusal(error.message);
          throw error;
        }
      }),
  };
}

function nameOf({ workflowId, activityId }: Pick<Place, 'workflowId' | 'activityId'>): string {
  return JSON.stringify([workflowId, activityId]);
}

function mark(payload: Payload, opened: string): Payload {
  return { ...payload, metadata: { ...payload.metadata, [METADATA.opened]: Buffer.from(opened) } };
}

function refusal(why: string): Payload {
  return { metadata: { [METADATA.encoding]: Buffer.from(REFUSED) }, data: Buffer.from(why) };
}

const MARKS: ReadonlySet<string> = new Set([METADATA.fromWorkflow, METADATA.run, METADATA.opened]);

/** Ours alone: a marked plaintext is somebody's try. */
function withoutMarks(payload: Payload): Payload {
  const kept = Object.entries(payload.metadata ?? {}).filter(([name]) => !MARKS.has(name));
  return { ...payload, metadata: Object.fromEntries(kept) };
}
