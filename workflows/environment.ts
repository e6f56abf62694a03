/**
 * One environment, for ever: who enters next, what is live, and which token is next. It owns the lane: `change` runs
 * under a fixed workflow id, so the server itself lets only one in. Handlers record and return; nothing here waits
 * for a person.
 */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  patched,
  setCurrentDetails,
  setHandler,
  sleep,
  startChild,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
  type ChildWorkflowHandle,
  type SignalDefinition,
} from '@temporalio/workflow';
import { forcedGates } from './forced.js';
import { nameOfWord } from './denials.js';
import { newEnvironment, wayOutForPerson } from './environment-memory.js';
import { end } from './environment-end.js';
import { begin, beginRecovery } from './environment-begin.js';
import {
  giveBack,
  nextMove,
  receiveAnnouncement,
  receiveCutover,
  receiveWithdrawal,
  tellingNobody,
  thaw,
  type Step,
  type Telling,
} from './environment-queue.js';
import { describeWaiting, headlineOf, renderEnvironment, stateOf } from './environment-screen.js';
import { EnvironmentWords } from './environment-words.js';
import { hostsInQuarantine, receiveApart } from './hosts-apart.js';
import {
  isAnnouncement,
  isCutover,
  isEnvironmentRequest,
  isGoesWithout,
  isWithdrawal,
} from './message-shapes.js';
import type {
  Announcement,
  ChangeInput,
  ChangeRequest,
  Cutover,
  EnvironmentInput,
  EnvironmentRequest,
  EnvironmentState,
  EnvironmentStatus,
  GoesWithout,
  Withdrawal,
} from './messages.js';
import { laneId, QUERY, SIGNAL, UPDATE, WORKFLOW, WORKFLOW_TASK_TIMEOUT_MS } from './names.js';
import { receiveDecisions } from './receive-decisions.js';
import type { ChangeResult } from './result.js';
import { ATTRIBUTE } from './search-attributes.js';
import { detailChange, summarizeRun } from './static-details.js';
import { tellOfWayBack } from './tell-github.js';
import { linkToRun } from './ui-links.js';
import { groupsThatMayFreeze } from './who-may.js';

const SIGNAL_LIMIT = 5000;
const LANE_HELD_AGAIN_MS = 5000;
const RECOVERY_BACKOFF_MS = [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000];

/** Only its shape: the change is another workflow, known by its name. */
type Change = (input: ChangeInput) => Promise<ChangeResult>;

const announce = defineSignal<[Announcement]>(SIGNAL.announce);
const request = defineSignal<[EnvironmentRequest]>(SIGNAL.request);
const withdraw = defineSignal<[Withdrawal]>(SIGNAL.withdraw);
const cutover = defineSignal<[Cutover]>(SIGNAL.cutover);
const goesWithout = defineSignal<[GoesWithout]>(SIGNAL.apart);

export async function environment(input: EnvironmentInput): Promise<void> {
  const entity = new Entity(input);
  entity.listen();
  // Nobody may cancel an environment: what is live would be forgotten.
  await CancellationScope.nonCancellable(() => entity.live());
}

class Entity {
  private state: EnvironmentState;
  private signals = 0;
  private changed = false;
  private telling = 0;
  /** The moment whose timer fired last. */
  private reachedMs = 0;
  /** The change that holds the lane, once the server has confirmed its start. */
  private lane: ChildWorkflowHandle<Change> | null = null;
  private shown = '';
  private readonly words = new EnvironmentWords(
    () => this.state,
    (name, step) => this.take(name, step),
  );

  constructor(private readonly input: EnvironmentInput) {
    this.state = input.carried ?? newEnvironment(input.pipeline, input.environment);
  }

  listen(): void {
    this.receive(
      announce,
      'A release or promotion says what it is doing',
      isAnnouncement,
      receiveAnnouncement,
    );
    this.receive(
      request,
      'A deploy, redeploy or rollback is asked for',
      isEnvironmentRequest,
      (state, asked) => this.words.request(state, asked),
    );
    this.receive(withdraw, 'A request is no longer wanted', isWithdrawal, receiveWithdrawal);
    this.receive(cutover, 'The change says how to get back', isCutover, tellingNobody(receiveCutover));
    this.receive(
      goesWithout,
      'The change goes on without a host',
      isGoesWithout,
      tellingNobody(receiveApart),
    );
    setHandler(
      defineQuery<EnvironmentStatus>(QUERY.status),
      () => {
        const state = thaw(this.state, Date.now());
        return { ...state, headline: headlineOf(state), claims: this.words.unheard };
      },
      { description: 'What is live, in flight, queued, frozen' },
    );
    receiveDecisions({
      state: () => ({
        of: 'environment',
        environment: this.input.environment,
        taken: this.state.decided ?? [],
        deaf: this.words.deaf,
        freeze: thaw(this.state, Date.now()).freeze,
        freezers: groupsThatMayFreeze(this.state),
        needsPerson: this.state.needsPerson,
        personsWayOut: wayOutForPerson(this.state),
        ...this.words.aboutHosts,
        now: new Date().toISOString(),
      }),
      apply: (decision) => {
        this.signals += 1;
        return this.words.apply(decision);
      },
      // runs from before these patches wrote it to the log only
      deny: (word, decision, reason) => {
        const isNo = word === nameOfWord('reject');
        if (!patched(isNo ? 'refused-rejections-are-shown' : 'refused-signals-are-shown')) return;
        this.signals += 1;
        this.words.deny(word, decision, reason);
      },
      headline: () => headlineOf(this.state),
    });
  }

  private receive<Payload>(
    signal: SignalDefinition<[Payload]>,
    description: string,
    isWellFormed: (payload: unknown) => payload is Payload,
    apply: (state: EnvironmentState, payload: Payload) => Step,
  ): void {
    const record = (payload: unknown): void => {
      this.signals += 1;
      if (isWellFormed(payload)) this.take(signal.name, () => apply(this.state, payload));
      else log.warn(`${signal.name} was malformed and is ignored`);
    };
    setHandler(signal, record, { description });
  }

  /** A malformed message is logged and forgotten: an error in a handler would wedge or end the environment. */
  private take(name: string, step: () => Step): void {
    try {
      this.apply(step());
    } catch (error) {
      log.warn(`${name} was malformed and is ignored: ${String(error)}`);
    }
  }

  private apply({ state, tell }: Step): void {
    this.state = state;
    this.changed = true;
    for (const telling of tell) void CancellationScope.nonCancellable(() => this.tell(telling));
  }

  async live(): Promise<void> {
    for (;;) {
      this.changed = false;
      const nowMs = this.clockMs();
      this.state = thaw(this.state, nowMs);
      if (this.mustStartAfresh()) await this.startAfresh();
      const move = nextMove(this.state, nowMs);
      if (move.move === 'wait') await this.waitForNews(move.untilMs);
      else await this.carryOut(move.request);
    }
  }

  private async waitForNews(untilMs: number | null): Promise<void> {
    this.show();
    const news = (): boolean => this.changed || this.mustStartAfresh();
    if (untilMs === null) {
      await condition(news);
      return;
    }
    const summary = describeWaiting(this.state);
    const leftMs = Math.max(1, untilMs - Date.now());
    const hasNews = await condition(news, leftMs, { summary: summary.slice(0, 100) });
    if (!hasNews) this.reachedMs = untilMs;
  }

  /**
   * What moves by time waits for its timer, also when it is long due: with a long history, a query that comes with a
   * task gives a fresh worker the clock of an older task, and whoever replays it would decide differently.
   */
  private clockMs(): number {
    return patched('moves-by-timers') ? this.reachedMs : Date.now();
  }

  /** Only between changes: a continued environment would not learn how its child ended. */
  private mustStartAfresh(): boolean {
    const info = workflowInfo();
    return this.signals >= (this.input.signalLimit ?? SIGNAL_LIMIT) || info.continueAsNewSuggested;
  }

  private async startAfresh(): Promise<void> {
    await condition(() => this.telling === 0 && this.words.unheard === 0 && allHandlersFinished());
    await continueAsNew<typeof environment>({ ...this.input, carried: this.state });
  }

  private async carryOut(request: ChangeRequest): Promise<void> {
    this.state = begin(this.state, request, new Date().toISOString());
    const { inFlight, token: firstToken } = this.state;
    if (inFlight === null) return;
    const lane = await this.enterLane(inFlight.request, null);
    if (lane === null) {
      this.apply(giveBack(this.state));
      await this.waitForLane();
      return;
    }
    const { promotionId } = inFlight.request;
    if (promotionId !== null) this.apply({ state: this.state, tell: [{ tell: 'entered', promotionId }] });
    const result = await this.waitForChange(lane);
    if (result !== null) return this.finish(result, null);
    await this.recover(firstToken);
  }

  private finish(result: ChangeResult, diedUnder: number | null): void {
    const mayGoCold = (): boolean => diedUnder === null && patched('dead-warm-goes-cold');
    const triesAtOnce = (): boolean => patched('tried-once-a-change-died');
    this.apply(end(this.state, { result, diedUnder, nowMs: Date.now(), mayGoCold, triesAtOnce }));
    this.show();
  }

  /** null = a run that is not ours holds the lane. */
  private async enterLane(
    request: ChangeRequest,
    recovering: ChangeInput['recovering'],
  ): Promise<ChildWorkflowHandle<Change> | null> {
    this.show();
    const { pipeline, environment: name, token, live, coldFor } = this.state;
    const warm = coldFor === request.requestId ? null : (this.state.warm?.record ?? null);
    const quarantined = recovering === null ? [] : hostsInQuarantine(this.state);
    const apart = quarantined.length === 0 ? {} : { quarantined };
    const change: ChangeInput = { token, request, live, warm, recovering, ...apart };
    try {
      return await startChild<Change>(WORKFLOW.change, {
        workflowId: laneId(pipeline, name),
        args: [change],
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
        // Anything else would also fire when this environment continues as new.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: summarizeRun(request.plan, request.version, request.kind),
        staticDetails: detailChange(request, live?.version ?? null),
        ...(request.kind === 'rollback' || request.kind === 'recover'
          ? { priority: { priorityKey: 1 } }
          : {}),
      });
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
      throw error;
    }
  }

  private async waitForLane(): Promise<void> {
    this.show();
    await sleep(LANE_HELD_AGAIN_MS, { summary: 'another run holds the lane; looks again' });
  }

  /** null = it died: failed, was terminated or timed out, and undid nothing. */
  private async waitForChange(lane: ChildWorkflowHandle<Change>): Promise<ChangeResult | null> {
    this.lane = lane;
    this.show();
    try {
      return await lane.result();
    } catch (error) {
      log.warn(`the change of ${this.input.environment} died: ${String(error)}`);
      return null;
    } finally {
      this.lane = null;
    }
  }

  /** Again and again under the next token, until one recovery has come to its end. */
  private async recover(diedUnder: number): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const pauseMs = RECOVERY_BACKOFF_MS[Math.min(attempt, RECOVERY_BACKOFF_MS.length - 1)] ?? 0;
      if (pauseMs > 0) await sleep(pauseMs, { summary: 'the recovery died too; tries again' });
      const dead = this.state.inFlight;
      const recovery = beginRecovery(this.state);
      if (dead === null || recovery === null) return;
      this.state = recovery.state;
      const { cutover, request } = dead;
      const lane = await this.enterLane(recovery.request, { token: diedUnder, cutover, request });
      const result = lane === null ? null : await this.waitForChange(lane);
      const seen = result?.failure?.seenToken ?? 0;
      if (seen > this.state.token) this.state = { ...this.state, token: seen };
      else if (result !== null) return this.finish(result, diedUnder);
    }
  }

  /** Never throws: whoever has ended meanwhile asks for itself, or needs no answer. */
  private async tell(telling: Telling): Promise<void> {
    this.telling += 1;
    try {
      switch (telling.tell) {
        case 'outcome':
          await getExternalWorkflowHandle(telling.promotionId).signal(SIGNAL.outcome, telling.result);
          return;
        case 'entered':
          await getExternalWorkflowHandle(telling.promotionId).signal(SIGNAL.entered);
          return;
        case 'superseded':
          await getExternalWorkflowHandle(telling.workflowId).signal(SIGNAL.superseded, telling.superseded);
          return;
        case 'lane-superseded':
          await this.tellLane(SIGNAL.superseded, telling.superseded);
          return;
        case 'lane-abort':
          await this.tellLane(UPDATE.abort, telling.decision);
          return;
        case 'github':
          if (patched('rollbacks-tell-github'))
            await tellOfWayBack(telling.request, telling.result, telling.wanted);
          return;
      }
    } catch (error) {
      log.info(`${telling.tell} was not delivered: ${String(error)}`);
    } finally {
      this.telling -= 1;
    }
  }

  /** Waits for the start of the change it is meant for; a message sent before would be lost. */
  private async tellLane(signal: string, payload: unknown): Promise<void> {
    const meant = this.state.inFlight?.request.requestId;
    await condition(() => this.lane !== null || this.state.inFlight?.request.requestId !== meant);
    await this.lane?.signal(signal, payload);
  }

  /** Current details are a query and need a worker; the memo does not. */
  private show(): void {
    const { pipeline, environment: name, live, needsPerson, inFlight } = this.state;
    const { lane } = this;
    const links =
      lane === null
        ? []
        : [linkToRun(`${lane.workflowId}: the change in flight`, lane.workflowId, lane.firstExecutionRunId)];
    setCurrentDetails(renderEnvironment(this.state, links));
    // Who is merely on the way has a run of its own; for it alone the history need not grow.
    const report = renderEnvironment({ ...this.state, announced: [] }, []);
    if (report === this.shown) return;
    this.shown = report;
    upsertMemo({ report });
    upsertSearchAttributes([
      { key: ATTRIBUTE.pipeline, value: pipeline },
      { key: ATTRIBUTE.environment, value: name },
      { key: ATTRIBUTE.version, value: inFlight?.request.version ?? live?.version ?? null },
      { key: ATTRIBUTE.state, value: stateOf(this.state) },
      { key: ATTRIBUTE.waitingFor, value: needsPerson === null ? null : 'a person' },
      { key: ATTRIBUTE.forced, value: live === null ? null : forcedGates(live).length > 0 },
    ]);
  }
}
