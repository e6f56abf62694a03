/**
 * Around every activity: an answer in which a known value stands does not get into the history, and what a failure or a
 * heartbeat says is scrubbed. The last net: what hosts, commands and servers say is scrubbed where it is read.
 */
import type { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import type { Activities } from '../../workflows/activity-contract.js';
import { refused } from '../failure.js';
import type { Secrets } from './secrets.js';

type Known = Pick<Secrets, 'scrub' | 'find'>;

/**
 * They are given no secret, and answer what the repository and the environments' histories say: what is a word there
 * (a host, a URL, a mode) may be some secret's value as well, and nobody learns of it here.
 */
const WORDS_OF_OTHERS: ReadonlySet<string> = new Set<keyof Activities>([
  'resolvePlan',
  'announce',
  'askEnvironment',
]);

/** An answer that holds a value is Refused, by its reference and the place in it; the activity is not tried again. */
export function withholdSecrets(known: Known): (context: Context) => ActivityInterceptors {
  return (context) => ({
    inbound: {
      execute: async (input, next) => {
        const { heartbeat } = context;
        const { activityType } = context.info;
        // the SDK has no interceptor for it
        Object.assign(context, { heartbeat: (details?: unknown) => heartbeat(scrubTree(details, known)) });
        const answer: unknown = await next(input).catch((error: unknown) => {
          scrubFailure(error, known);
          throw error;
        });
        if (!WORDS_OF_OTHERS.has(activityType)) requireNoSecret(activityType, input.args, answer, known);
        return answer;
      },
    },
  });
}

function requireNoSecret(activityType: string, args: unknown[], answer: unknown, known: Known): void {
  const sightings = known.find(answer);
  if (sightings.length === 0) return;
  // what the workflow has said is in the history already, word for word
  const said = new Set(known.find(args).map(({ written }) => written));
  const told = sightings.find(({ written }) => !said.has(written));
  if (told === undefined) return;
  throw refused({
    what: `its answer holds the value of ${told.reference}, in ${known.scrub(told.path.join('.')) || 'all of it'}`,
    where: `activity ${activityType}`,
    why: null,
    wayOut:
      'it was not written down, what was done stays done; keep the value out of names, texts and output, or do not give an ordinary word as a secret (docs/secrets.md#answers)',
  });
}

/** In place: whoever asked tells errors apart by what they are. */
function scrubFailure(error: unknown, known: Known): void {
  const seen = new Set<unknown>();
  for (let each = error; each instanceof Error && !seen.has(each); each = each.cause) {
    seen.add(each);
    for (const name of ['message', 'stack'] as const) {
      const clean = known.scrub(each[name] ?? '');
      // not by assignment: an AbortError's message can only be read
      if (clean !== each[name]) Object.defineProperty(each, name, { value: clean });
    }
    if (each instanceof ApplicationFailure) Object.assign(each, { details: scrubTree(each.details, known) });
  }
}

function scrubTree(value: unknown, known: Known): unknown {
  if (typeof value === 'string') return known.scrub(value);
  if (Array.isArray(value)) return value.map((each) => scrubTree(each, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [known.scrub(name), scrubTree(inner, known)]),
  );
}
