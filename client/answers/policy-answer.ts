/** What a worker makes of a plan under its policy: the plan as it was, with stricter rules. */
import { isDeepStrictEqual } from 'node:util';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import {
  anything,
  count,
  fields,
  flag,
  isFields,
  list,
  maybe,
  moment,
  oneOf,
  orNull,
  text,
  word,
} from './shape.js';

const from = oneOf('policy', 'pipeline file', 'both');
const groups = maybe(list(text));

/** What a policy may change, as it looks then. */
const RULES = {
  planHash: word,
  approvals: list(fields({ count, group: orNull(text), by: text, of: orNull(text), expiresMs: count })),
  production: flag,
  selfApproval: flag,
  waitMs: count,
  policy: maybe(fields({ rules: list(fields({ rule: text, from })) })),
  may: maybe(fields({ switch: groups, rollback: groups, freeze: groups })),
  force: maybe(fields({ group: text, gates: list(text) })),
  evidenceWithinMs: maybe(count),
  freeze: maybe(list(fields({ from: moment, until: moment, text, reason: orNull(text), by: from }))),
  traffic: orNull(anything),
};

/** null = it is `asked`, at most with other rules; else the place of what is not. */
export function findOtherPlan(asked: EnvironmentPlan, answer: unknown): string | null {
  const wrong = fields(RULES)(answer);
  if (wrong !== null || !isFields(answer)) return wrong ?? '';
  // as it comes through Temporal: what is undefined is not there
  const sent: Record<string, unknown> = JSON.parse(JSON.stringify(asked));
  const { traffic } = answer;
  const told = isFields(traffic)
    ? { ...answer, traffic: { ...traffic, switch: asked.traffic?.switch } }
    : answer;
  const other = Object.keys(sent).find(
    (name) =>
      (name === 'traffic' || !Object.hasOwn(RULES, name)) && !isDeepStrictEqual(sent[name], told[name]),
  );
  return other === undefined ? null : `.${other}`;
}
