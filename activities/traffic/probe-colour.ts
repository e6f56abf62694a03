/** Asks the proxy, as any client would, whose answer this is. */
import type http from 'node:http';
import type { Colour } from '../../pipeline/plan.js';
import type { ConfirmPlan } from '../../pipeline/plan-traffic.js';
import { askHttp, NoAnswerInTime, type HttpAnswer } from '../checks/http-request.js';

export interface ColourAnswer {
  colour: Colour | null;
  /** null = no answer at all. */
  status: number | null;
  /** What was seen, for people: `502 without X-Colour`. */
  seen: string;
  /** `leftMs` ended the question: it says nothing, what was seen before it does. */
  cutOff: boolean;
}

/** The patient one hears also what HAProxy says of a backend that is gone: it tries for three seconds. */
const PROBE_TIMEOUT_MS = { usual: 2_000, patient: 5_000 };

/** Never rejects except when aborted. Without an agent the connection is a new one. `leftMs`: of the whole observation. */
export async function probeColour(
  confirm: ConfirmPlan,
  options: { agent?: http.Agent; signal?: AbortSignal; leftMs?: number; patient?: boolean } = {},
): Promise<ColourAnswer> {
  const mostMs = PROBE_TIMEOUT_MS[options.patient === true ? 'patient' : 'usual'];
  const { leftMs = Infinity } = options;
  try {
    const { agent, signal } = options;
    const answer = await askHttp({
      url: new URL(confirm.url),
      timeoutMs: Math.max(1, Math.min(mostMs, leftMs)),
      ...(agent === undefined ? {} : { agent }),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = confirm.header === null ? answer.body.trim() : readHeader(answer, confirm.header);
    const colour = text === 'blue' || text === 'green' ? text : null;
    return { colour, status: answer.status, seen: describe(confirm, answer.status, text), cutOff: false };
  } catch (error) {
    options.signal?.throwIfAborted();
    // not by the clock: a timer may fire before the moment it was set for
    const cutOff = error instanceof NoAnswerInTime && leftMs <= mostMs;
    return {
      colour: null,
      status: null,
      seen: error instanceof Error ? error.message : String(error),
      cutOff,
    };
  }
}

/** Proxy and application may both say it: agreeing they count once, else nobody is believed. */
function readHeader({ headers }: HttpAnswer, name: string): string {
  const said = [headers[name.toLowerCase()] ?? []].flat().flatMap((value) => value.split(','));
  return [...new Set(said.map((value) => value.trim()))].join(', ');
}

function describe(confirm: ConfirmPlan, status: number, text: string): string {
  if (text === '') return `${status} without ${confirm.header ?? 'a body'}`;
  return `${status} from ${text.slice(0, 60)}`;
}
