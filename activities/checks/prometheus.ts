/**
 * `{prometheus: QUERY}`: one number against `max`, `min` and the mean of before the switch. Whatever is not one
 * number (NaN, no series, several, an error page, no answer) is inconclusive: silence is never green.
 */
import { z } from 'zod';
import type { CheckPlan } from '../../pipeline/plan.js';
import { failed, inconclusive, passed, type CheckContext, type CheckOnce } from './check.js';
import { askHttp } from './http-request.js';

export type PrometheusPlan = Extract<CheckPlan, { kind: 'prometheus' }>;

type Reading = { value: number } | { unreadable: string };

const RESPONSE = z.object({
  status: z.string(),
  error: z.string().optional(),
  data: z
    .discriminatedUnion('resultType', [
      z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: sample() })) }),
      z.object({ resultType: z.literal('scalar'), result: sample() }),
    ])
    .optional(),
});

/** Samples in the mean, at most. */
const BASELINE_SAMPLES = 100;

export const askPrometheusCheck: CheckOnce<PrometheusPlan> = async (plan, context) => {
  const reading = await query(plan, context, queryText(plan, context));
  if ('unreadable' in reading) return inconclusive(reading.unreadable);
  const { value } = reading;
  const shown = format(value);
  if (plan.max !== null && value > plan.max) return failed(`${shown}, limit ${format(plan.max)}`);
  if (plan.min !== null && value < plan.min)
    return failed(`${shown}, at least ${format(plan.min)} is needed`);
  if (plan.maxIncrease === null) return passed(shown);
  const before = context.baseline[plan.name] ?? null;
  if (before === null && context.target.live === null)
    return passed(`${shown}; the first release, nothing to compare with`);
  if (before === null) return inconclusive(`${shown}, but what it was before the switch is not known`);
  if (before < 0)
    return inconclusive(`${shown}, but it was ${format(before)} before, and a multiple of that is no limit`);
  const limit = before * plan.maxIncrease;
  const compared = `${shown}, limit ${format(limit)} (${plan.maxIncrease} × ${format(before)} before)`;
  if (value <= limit) return passed(compared);
  // any multiple of nothing is nothing; only the query can say how little still is
  return failed(
    before === 0 ? `${compared}; write clamp_min(…, what is little) if that is too strict` : compared,
  );
};

/** The mean of the check's query over `baselineMs` until now; null when there is none to compare with. */
export async function measureMean(plan: PrometheusPlan, context: CheckContext): Promise<number | null> {
  const reading = await query(plan, context, buildBaselineQuery(queryText(plan, context), plan.baselineMs));
  return 'value' in reading ? reading.value : null;
}

/** A subquery, so Prometheus' own clock decides; `>= -Inf` drops NaN, which would make the whole mean NaN. */
export function buildBaselineQuery(text: string, baselineMs: number): string {
  const overMs = Math.max(1, Math.round(baselineMs));
  const stepMs = Math.max(1, Math.round(baselineMs / BASELINE_SAMPLES));
  return `avg_over_time(((${text}\n) >= -Inf)[${overMs}ms:${stepMs}ms])`;
}

function queryText(plan: PrometheusPlan, { colour }: CheckContext): string {
  return colour === null ? plan.query : plan.query.replaceAll('{colour}', colour);
}

async function query(plan: PrometheusPlan, context: CheckContext, text: string): Promise<Reading> {
  const url = new URL(`${plan.server.replace(/\/$/, '')}/api/v1/query`);
  url.searchParams.set('query', text);
  try {
    const answer = await askHttp({ url, timeoutMs: plan.timeoutMs, signal: context.signal });
    return readResponse(answer.status, answer.body, url.host);
  } catch (error) {
    context.signal.throwIfAborted();
    return { unreadable: `${url.host}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Exactly one finite number, or why not. Pure. */
export function readResponse(status: number, body: string, from: string): Reading {
  const parsed = RESPONSE.safeParse(parseJson(body));
  if (!parsed.success)
    return { unreadable: `${from} answered ${status}, which is not an answer of Prometheus` };
  const { data, error } = parsed.data;
  if (status !== 200 || parsed.data.status !== 'success' || data === undefined) {
    return { unreadable: `${from} answered ${status}: ${error ?? 'no data'}` };
  }
  const samples = data.resultType === 'scalar' ? [data.result] : data.result.map(({ value }) => value);
  const [only, ...others] = samples;
  if (only === undefined) {
    return { unreadable: 'no data; where no series means zero, write (…) or vector(0)' };
  }
  if (others.length > 0) {
    return { unreadable: `${samples.length} series, one is needed: aggregate with sum() or max()` };
  }
  const value = toNumber(only[1]);
  return Number.isFinite(value) ? { value } : { unreadable: `the value is ${only[1]}` };
}

function sample() {
  return z.tuple([z.number(), z.string()]);
}

/** `Number('')` would be 0. */
function toNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function format(value: number): string {
  return String(Number(value.toPrecision(4)));
}
