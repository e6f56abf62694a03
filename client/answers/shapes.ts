/**
 * What the workflows answer, as far as the client relies on it. Fields that came later may be left out, since runs of older
 * workers have none.
 */
import {
  anything,
  both,
  count,
  fields,
  flag,
  list,
  longText,
  maybe,
  moment,
  oneOf,
  orNull,
  text,
  word,
  type Shape,
} from './shape.js';

const STEP_STATES = [
  ...['pending', 'running', 'waiting', 'succeeded', 'failed', 'inconclusive'],
  ...['aborted', 'superseded', 'rolled-back'],
];
const stepState = oneOf(...STEP_STATES);
const endState = oneOf('succeeded', 'failed', 'aborted', 'rolled-back', 'superseded');
const colour = orNull(oneOf('blue', 'green'));

const commit = fields({ sha: word, subject: text, author: text, sameFilesAs: maybe(list(word)) });
const artifacts = list(fields({ name: text, digest: word }));
const steps = list(
  fields({
    ...{ name: text, state: stepState, tookMs: orNull(count), note: orNull(text) },
    warnings: maybe(list(text)),
  }),
);
const unwind = list(
  fields({
    step: text,
    outcome: oneOf('undone', 'never-ran', 'undo-failed'),
    note: orNull(text),
    tookMs: orNull(count),
  }),
);
const failure = orNull(fields({ what: text, where: text, why: orNull(text), wayOut: text }));
const denied = list(
  fields({
    ...{ by: text, why: text, wayOut: maybe(text), decisionId: text },
    ...{ decision: maybe(text), at: maybe(moment) },
  }),
);
const denials = maybe(denied);
const taken = list(
  fields({
    ...{ decision: text, by: text, proof: oneOf('unverified', 'ssh'), reason: orNull(text) },
    ...{ isReasonSigned: maybe(flag), at: moment, decisionId: text },
  }),
);
const decisions = maybe(taken);
const said = maybe(fields({ decisions: taken, denials: denied }));
/** Ids of the decisions that counted. */
const decided = maybe(list(text));
const forced = maybe(list(fields({ gate: text, by: text, reason: text, ticket: text })));
const plan = fields({ name: text, planHash: word });

const backup = fields({ name: word, host: maybe(text), proven: flag, note: text, at: maybe(moment) });
const record = fields({
  ...{ version: text, commit, artifacts, plan, colour, at: moment, by: text, backup: maybe(backup) },
});

const request = fields({
  requestId: text,
  kind: oneOf('deploy', 'redeploy', 'rollback', 'recover', 'retire', 'readmit'),
  version: text,
  plan,
  actor: fields({ by: text }),
  promotionId: orNull(text),
});

const cutover = fields({
  ...{ switching: flag, previous: orNull(record), target: record },
  rewinds: maybe(oneOf('revert', 'restore')),
});

export const announcement = fields({
  workflowId: text,
  requestId: text,
  version: text,
  phase: oneOf('building', 'waiting', 'queued', 'ended'),
  since: moment,
});

const changeResult = fields({
  ...{ headline: text, state: endState, clean: flag, live: orNull(record), steps, unwind, failure },
  ...{ switchMs: orNull(count), said },
});

export const processedRequest = fields({ requestId: text, result: changeResult });

const hostApart = { host: text, state: oneOf('quarantined', 'before'), why: longText, since: moment };

export const environmentStatus: Shape = both(
  anything,
  fields({
    ...{ headline: text, pipeline: text, environment: text, live: orNull(record) },
    warm: orNull(fields({ record, retireAt: moment, uneven: maybe(flag) })),
    good: list(record),
    queue: list(request),
    inFlight: orNull(fields({ request, cutover: orNull(cutover), apart: maybe(list(fields(hostApart))) })),
    announced: list(anything),
    freeze: orNull(
      fields({
        by: text,
        proof: maybe(oneOf('unverified', 'ssh')),
        until: orNull(moment),
        reason: orNull(text),
        isReasonSigned: maybe(flag),
      }),
    ),
    processed: list(anything),
    needsPerson: orNull(text),
    personsWayOut: maybe(text),
    apart: maybe(
      list(
        fields({
          ...hostApart,
          ...{ againAt: orNull(moment), tries: count, wordOf: maybe(text) },
        }),
      ),
    ),
    denials,
    said,
    decided,
    claims: maybe(count),
  }),
);

const excluding = fields({ selfApproval: flag, requester: text, authors: list(text), forcers: list(text) });

export const progressStatus: Shape = both(
  anything,
  fields({
    ...{ headline: text, state: stepState, pipeline: text, environment: text, version: text },
    ...{ commit, artifacts, planHash: word, requestedBy: text, identity: oneOf('unverified') },
    ...{ waitingFor: orNull(text), waitingSince: orNull(moment) },
    waitEnds: orNull(fields({ at: moment, then: text })),
    approvals: list(fields({ by: text, group: orNull(text), at: moment, reason: maybe(text) })),
    approving: maybe(
      fields({
        ...{ requestId: text, mustSign: flag, byToken: maybe(oneOf('some', 'every')), expiresMs: count },
        ...{ onGithub: maybe(orNull(text)), excluding: maybe(excluding) },
      }),
    ),
    switching: maybe(fields({ requestId: text, token: count, groups: orNull(list(text)) })),
    onGithub: maybe(list(text)),
    ...{ denials, decisions, decided, forced, claims: maybe(count) },
    ...{ colour, steps, unwind, failure, report: text, stopped: maybe(text) },
  }),
);

export const releaseStatus: Shape = both(
  anything,
  fields({
    ...{ headline: text, state: stepState, pipeline: text, version: text },
    ...{ commit: orNull(commit), artifacts, steps },
    ref: maybe(fields({ kind: oneOf('branch', 'tag', 'commit'), name: text })),
    goesTo: maybe(orNull(list(text))),
    promotions: list(fields({ environment: text, workflowId: text, state: stepState })),
    skipped: list(fields({ environment: text, why: text })),
    ...{ denials, decisions, forced, failure, report: text },
  }),
);

const promotionResult = fields({
  ...{ headline: text, state: endState, environment: text, refused: flag, clean: flag },
  ...{ change: orNull(changeResult), failure },
});

/** How a run ends, by the first word of its workflow id. */
export const RESULTS: Readonly<Record<string, Shape>> = {
  release: both(
    anything,
    fields({ headline: text, state: endState, version: text, promotions: list(promotionResult), failure }),
  ),
  promotion: both(anything, promotionResult),
  lane: both(anything, changeResult),
};

export const decisionReply = fields({ accepted: flag, refused: orNull(text), state: text });

export const inspectResult: Shape = both(
  anything,
  fields({
    findings: list(
      fields({
        ...{ where: text, thing: text, state: oneOf('ok', 'warning', 'problem'), message: text },
        wayOut: orNull(text),
      }),
    ),
    log: list(fields({ host: text, text: longText })),
    policy: maybe(
      fields({
        plan: anything,
        problems: list(fields({ what: text, where: text, wayOut: text })),
        force: maybe(orNull(fields({ group: text, gates: list(text) }))),
      }),
    ),
  }),
);
