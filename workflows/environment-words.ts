/** What people say to an environment: it takes effect at once where nobody signs it, else once a worker has looked at it. */
import { patched } from '@temporalio/workflow';
import type { EnvironmentDeciding, NamedDecision } from './decisions.js';
import type { Reason } from './denials.js';
import {
  applyHeard,
  claimOfDecision,
  claimOfRequest,
  denyWord,
  mayComeAgain,
  receiveHeard,
  refuseAsked,
  showUnsigned,
  type AskedAgain,
} from './environment-decisions.js';
import { forgetDenied, rememberDecided } from './environment-memory.js';
import { applyDecision, receiveRequest, type Step } from './environment-queue.js';
import { arrivingOf } from './hosts-apart.js';
import { HeardInTurn } from './hear-decisions.js';
import type { Decision, EnvironmentRequest, EnvironmentState } from './messages.js';
import { SIGNAL, UPDATE } from './names.js';
import type { Applied } from './receive-decisions.js';
import { refuseToHear } from './unheard.js';

export class EnvironmentWords {
  private readonly signed = new HeardInTurn();

  constructor(
    private readonly state: () => EnvironmentState,
    /** Carries a step out; never throws. */
    private readonly take: (name: string, step: () => Step) => void,
  ) {}

  /** Not yet looked at by a worker. */
  get unheard(): number {
    return this.signed.unheard;
  }

  /** Hosts that people may say something of. Runs from before this patch told them to ask the change. */
  get aboutHosts(): Pick<EnvironmentDeciding, 'hosts'> {
    const { apart = [] } = this.state();
    if (apart.length === 0 || !patched('words-about-hosts-apart')) return {};
    return { hosts: { apart, arriving: arrivingOf(this.state()) } };
  }

  /** Why no further one is looked at now; null = one is. */
  get deaf(): string | null {
    return refuseToHear(this.unheard, 'say it again once the change in flight has ended');
  }

  apply(decision: NamedDecision): Applied {
    const change = (to: () => EnvironmentState): void =>
      this.take(UPDATE[decision.name], () => ({ state: to(), tell: [] }));
    const claim = claimOfDecision(this.state(), decision);
    if (claim === null || !patched('freezes-are-verified')) {
      change(() => rememberDecided(applyDecision(this.state(), decision, now()), decision.decisionId));
      return 'done';
    }
    this.signed.hear(claim, (item) => change(() => applyHeard(this.state(), decision, item, now())));
    return 'unheard';
  }

  /** A signal that was refused. */
  deny(word: string, decision: Decision, reason: Reason): void {
    const state = denyWord(this.state(), word, decision, { ...reason, at: now() });
    this.take(word, () => ({ state, tell: [] }));
  }

  /** A signed rollback is looked at before it stands in the queue: the lane waits for no signature. */
  request(state: EnvironmentState, asked: EnvironmentRequest): Step {
    if (asked.type === 'change') return receiveRequest(state, asked);
    const isFree = mayComeAgain(state, asked) && patched('refused-words-use-up-no-id');
    const open = isFree ? forgetDenied(state, asked.requestId) : state;
    const claim = claimOfRequest(open, asked);
    if (claim === null || !patched('rollbacks-are-verified')) return this.receive(open, asked);
    const { deaf } = this;
    if (deaf !== null) return refuseAsked(state, asked, { why: deaf }, now());
    this.signed.hear(claim, (item) =>
      this.take(SIGNAL.request, () => receiveHeard(this.state(), asked, claim, item)),
    );
    return { state, tell: [] };
  }

  /** Without a signature to look at. Runs from before this patch dropped one that wants it, and said so nowhere. */
  private receive(state: EnvironmentState, asked: AskedAgain): Step {
    const step = receiveRequest(state, asked);
    const shown = showUnsigned(state, asked, step, now());
    return shown !== null && patched('unsigned-rollbacks-are-shown') ? shown : step;
  }
}

function now(): string {
  return new Date().toISOString();
}
