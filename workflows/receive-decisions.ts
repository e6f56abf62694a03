/** Each decision as an update (validated, answered) and as a signal of the same name (for the CLI and the UI). */
import {
  ApplicationFailure,
  defineSignal,
  defineUpdate,
  log,
  patched,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import { DECISIONS, decide, type Decidable, type DecisionName, type NamedDecision } from './decisions.js';
import { nameOfWord, type Reason } from './denials.js';
import type { Decision, DecisionReply } from './messages.js';
import { FAILURE } from './failures.js';
import { completeDecision, findProblem } from './read-decision.js';

const BY = '{"by": "your name"}';

/** Shown where the UI and the CLI offer to send it, so with the JSON to send. */
const WHAT_IT_DOES: Record<DecisionName, string> = {
  approve: `Approve this release for this environment: {"by": "your name", "group": "platform"}; group if a rule names one`,
  reject: `Reject it, final: {"by": "your name", "reason": "why"}`,
  switchTraffic: `Move traffic to the new colour: ${BY}`,
  back: `Traffic back to the old colour at once, then undo the rest: ${BY}`,
  abort: `Stop and undo: ${BY}`,
  pause: `Stop before the next step: ${BY}`,
  resume: `Go on; on an environment: I have looked: ${BY}`,
  retryStep: `Try the step that holds again; on an environment: the hosts in quarantine, or one "host": ${BY}`,
  skipHost: `Leave one host out and go on; on an environment: until the next release: {"by": "your name", "host": "web-2"}`,
  freeze: `Nobody enters: {"by": "your name", "until": "2030-01-09T09:00:00Z", "reason": "why"}`,
  unfreeze: `Open again: ${BY}`,
};

/**
 * `unheard`: a worker looks at it first. Until it counts, its id is free, and the receiver remembers it then: a bad copy of
 * what somebody signed must not keep the word itself out.
 */
export type Applied = 'done' | 'unheard';

export interface Receiver {
  /** The state as of now; `taken` is kept here and need not be known. */
  state: () => Decidable;
  /** Applies an accepted decision: records it and returns; never waits, never throws. */
  apply: (decision: NamedDecision) => Applied;
  /**
   * Nobody gets an answer to a signal: that it was refused is shown, and of an approval in any case. `word` = `freeze` and
   * the like. Never throws.
   */
  deny?: (word: string, decision: Decision, reason: Reason) => void;
  headline: () => string;
}

/** Call before the first await, so that no early decision is lost. */
export function receiveDecisions(receiver: Receiver): void {
  const taken: string[] = [];
  const receive = (name: DecisionName, decision: Decision): DecisionReply => {
    const named = { ...decision, name };
    const state = receiver.state();
    const verdict = decide({ ...state, taken: [...state.taken, ...taken] }, named);
    if (verdict.accepted && verdict.effect !== 'none') {
      const isUnheard = receiver.apply(named) === 'unheard';
      if (!isUnheard || !patched('refused-words-use-up-no-id')) taken.push(decision.decisionId);
    }
    return {
      accepted: verdict.accepted,
      refused: verdict.accepted ? null : verdict.refused,
      state: receiver.headline(),
    };
  };
  const deny = (name: DecisionName, decision: Decision, why: string): void => {
    const word = nameOfWord(name);
    if (word !== null) receiver.deny?.(word, decision, { why });
  };
  for (const name of DECISIONS) {
    const description = WHAT_IT_DOES[name];
    setHandler(
      defineUpdate<DecisionReply, [unknown]>(name),
      (input) => {
        const decision = completeDecision(input, uuid4);
        const reply = receive(name, decision);
        // an approval that does not count is everybody's to see; runs from before this patch told its sender only
        if (reply.refused !== null && name === 'approve' && patched('refused-approvals-are-shown'))
          deny(name, decision, reply.refused);
        return reply;
      },
      { validator: refuseMalformed, description },
    );
    setHandler(
      defineSignal<[unknown]>(name),
      (input) => {
        const problem = findProblem(input);
        if (problem !== null) return log.warn(`${name} was not taken: ${problem}`);
        const decision = completeDecision(input, uuid4);
        const { refused } = receive(name, decision);
        if (refused === null) return;
        log.warn(`${name} was not taken: ${refused}`);
        deny(name, decision, refused);
      },
      { description },
    );
  }
}

function refuseMalformed(input: unknown): void {
  const problem = findProblem(input);
  if (problem !== null) throw ApplicationFailure.nonRetryable(problem, FAILURE.badInput);
}
