/** Every environment on one line, and below it what is out of the ordinary. */
import type { EnvironmentStatus, ProgressStatus } from '../../workflows/messages.js';
import { nameAmong, underway } from '../targets.js';
import type { UserError } from '../user-error.js';
import type { Style } from './style.js';
import { wayOutForPerson } from '../../workflows/environment-memory.js';
import { type ChangeInHand, failureInHand, healthOf, isParked, type Health } from '../needs-hands.js';
import { inOrder } from '../../workflows/denials.js';
import { describeReturn } from '../../workflows/hosts-apart.js';
import type { Denial } from '../../workflows/result.js';
import { describeProven } from '../../workflows/taken-decisions.js';
import { approvalNote, decidedNotes } from './decided.js';
import { describeDoing } from './doing.js';
import { newestDenied, recently } from './denied.js';
import { failureLines } from './failure.js';
import { forcedNotes } from './forced.js';
import { nextCommands } from './next-commands.js';
import { lines, pad, plain, row } from './text.js';
import { warningLines } from './step-warnings.js';
import { formatAge, formatMoment } from './time.js';
import { describeWait } from './wait.js';

const LABEL = 9;
/** Of labelled lines, which have a margin of their own here. */
const INDENT = 2;

export interface EnvironmentView {
  name: string;
  /** null = no release has reached it. */
  status: EnvironmentStatus | null;
  /** Of the change in flight, where there is one. */
  change: ChangeInHand | null;
  /** Of the promotions on their way here, by workflow id. */
  promotions: Map<string, ProgressStatus>;
  /** Why nothing can be told of it. */
  unknown?: UserError;
}

/** `isOne`: it was asked for by name, and tells what people said of what is live however long ago. */
export function renderStatus(
  style: Style,
  pipeline: string,
  views: EnvironmentView[],
  now: Date,
  isOne = false,
): string {
  const needy = views.filter(needsPerson).length;
  const summary = needy === 0 ? '' : `${String(needy)} ${needy === 1 ? 'needs' : 'need'} you`;
  const widths = {
    name: Math.max(6, ...views.map((view) => view.name.length)) + 2,
    live: Math.max(8, ...views.map((view) => describeLive(view).length)) + 2,
  };
  return lines(
    row(style, style.bold(plain(pipeline)), style.yellow(summary)),
    views.flatMap((view) => environmentLines(style, view, widths, { now, isOne })),
  );
}

/** A person's word, eyes or hands are missing here. */
function needsPerson({ status, change, promotions }: EnvironmentView): boolean {
  if (status === null) return false;
  const waits = [...promotions.values()].some(({ state }) => state === 'waiting');
  return status.needsPerson !== null || change?.state === 'waiting' || isParked(change) || waits;
}

function signOfHealth(style: Style, health: Health): string {
  if (health === 'unknown') return ' ';
  return health === 'ok' ? style.green(style.ok) : style.red(style.failed);
}

interface Looking {
  now: Date;
  isOne: boolean;
}

function environmentLines(
  style: Style,
  view: EnvironmentView,
  widths: { name: number; live: number },
  how: Looking,
): string[] {
  const { status } = view;
  const markWidth = style.warning.length + 1;
  const mark = needsPerson(view) ? style.yellow(style.warning) : ' ';
  const live = status?.live ?? null;
  const age = live === null ? '' : formatAge(live.at, how.now);
  const health = signOfHealth(style, healthOf(status, view.change));
  const nothing = view.unknown === undefined ? 'no release yet' : `unknown: ${plain(view.unknown.what)}`;
  const notes = status === null ? [nothing] : describeNotes(style, view, status, how);
  const start = `${pad(mark, markWidth)}${pad(plain(view.name), widths.name)}${pad(describeLive(view), widths.live)}${pad(age, 6)}${pad(health, 4)}`;
  const [first = '', ...rest] = notes;
  const indent = ' '.repeat(markWidth + widths.name + widths.live + 6 + 4);
  return [`${start}${first}`.trimEnd(), ...rest.map((note) => `${indent}${note}`)];
}

function describeLive({ status }: EnvironmentView): string {
  const live = status?.live ?? null;
  if (live === null) return '-';
  return live.colour === null ? plain(live.version) : `${plain(live.version)} ${live.colour}`;
}

function describeNotes(
  style: Style,
  view: EnvironmentView,
  status: EnvironmentStatus,
  { now, isOne }: Looking,
): string[] {
  const { inFlight, freeze, warm, queue } = status;
  const { decisions = [], denials = [] } = status.said ?? {};
  const notes: string[] = [];
  const all = [...underway(status), ...queue, ...(inFlight === null ? [] : [inFlight.request])];
  const nameOf = (one: (typeof all)[number]): string => plain(nameAmong(all, one));
  if (status.needsPerson !== null)
    notes.push(
      style.red(`needs a person: ${plain(status.needsPerson)}`),
      `way out  ${plain(wayOutForPerson(status))}`,
    );
  const { apart = [] } = status;
  for (const each of apart) {
    const { host, why } = each;
    notes.push(style.yellow(`${plain(host)} ${plain(describeReturn(each, formatMoment))}: ${plain(why)}`));
  }
  const known = apart.map(({ host }) => host);
  for (const { host, why } of (inFlight?.apart ?? []).filter((each) => !known.includes(each.host)))
    notes.push(style.yellow(`${plain(host)} is left out of what is in flight: ${plain(why)}`));
  if (inFlight === null && apart.some(({ state }) => state === 'quarantined'))
    notes.push(`sooner: slipway retry ${plain(status.environment)}`);
  if (status.live !== null) notes.push(...forcedNotes(style, status.live));
  notes.push(...decidedNotes(style, isOne ? decisions : recently(decisions, now)));
  if (inFlight !== null) notes.push(`${style.now} ${nameOf(inFlight.request)}, ${describeChange(view)}`);
  notes.push(...notesInHand(style, view, isOne), ...decidedNotes(style, view.change?.decisions));
  for (const one of underway(status)) {
    if (one.phase === 'queued' || one.workflowId === inFlight?.request.promotionId) continue;
    const promotion = view.promotions.get(one.workflowId);
    notes.push(
      `${nameOf(one)} ${describePromotion(promotion)}, ${formatAge(promotion?.waitingSince ?? one.since, now)}`,
      ...reasonsOf(style, promotion),
    );
  }
  for (const request of queue) notes.push(`${style.pending} ${nameOf(request)} queued`);
  // what is on its way takes the place of what is warm there
  if (warm !== null && (view.change === null || view.change.colour !== warm.record.colour)) {
    const colour = warm.record.colour === null ? '' : ` ${warm.record.colour}`;
    const where = warm.uneven === true ? ', not on every host' : '';
    notes.push(`${plain(warm.record.version)}${colour} warm until ${formatMoment(warm.retireAt)}${where}`);
  }
  if (freeze !== null) {
    const until = freeze.until === null ? 'frozen' : `frozen until ${formatMoment(freeze.until)}`;
    const why = freeze.reason === null ? '' : `: ${plain(freeze.reason)}`;
    notes.push(`${until}, ${plain(freeze.by)}${why} (${describeProven(freeze)})`);
  }
  const onTheWay = [...view.promotions.values(), ...(view.change === null ? [] : [view.change])];
  const saidOf = (each: ProgressStatus): Denial[] =>
    onTheWay.length > 1 ? (each.denials ?? []).map(sayTo(each)) : (each.denials ?? []);
  const toldNow = [status.denials ?? [], ...onTheWay.map(saidOf)].map((each) => recently(each, now));
  const ofLive = isOne ? denials : recently(denials, now);
  notes.push(...newestDenied(style, inOrder(...toldNow, ofLive)));
  return notes;
}

/** What went wrong with the change that waits, and what to type; the whole output where it was asked for by name. */
function notesInHand(style: Style, { change }: EnvironmentView, isOne: boolean): string[] {
  if (change === null) return [];
  const failure = failureInHand(change);
  const next = change.state === 'waiting' && isOne ? nextCommands(change) : [];
  const warnings = isOne ? change.steps.flatMap((step) => warningLines(style, step)) : [];
  return [
    ...warnings.map((line) => line.trimStart()),
    ...(change.stopped === undefined ? [] : [style.red(plain(change.stopped))]),
    ...(failure === null
      ? []
      : failureLines(style, isOne ? failure : { ...failure, why: null }, LABEL).map((line) =>
          line.slice(INDENT),
        )),
    ...(next.length === 0 ? [] : [`${pad('next', LABEL)}${next.join('   ')}`]),
  ];
}

/** Of several releases on their way: to which of them it was said. */
function sayTo({ version }: ProgressStatus): (denial: Denial) => Denial {
  return (denial) => ({ ...denial, decision: `${denial.decision ?? 'word'} for ${version}` });
}

/** Why people let it go on, or keep it up. */
function reasonsOf(style: Style, promotion: ProgressStatus | undefined): string[] {
  const approvals = (promotion?.approvals ?? []).filter(({ reason }) => reason !== undefined);
  return [
    ...approvals.map((approval) => `approved ${approvalNote(style, approval)}`),
    ...decidedNotes(style, promotion?.decisions),
  ];
}

function describeChange({ change, status }: EnvironmentView): string {
  const kind = status?.inFlight?.request.kind ?? 'deploy';
  if (change === null) return kind;
  if (change.state === 'waiting') return `waits: ${describeWait(change) ?? 'a decision'}`;
  return plain((change.state === 'running' ? describeDoing(change) : null) ?? `${kind}, ${change.state}`);
}

function describePromotion(promotion: ProgressStatus | undefined): string {
  if (promotion === undefined) return 'is being built';
  if (promotion.state === 'waiting') return `waits: ${describeWait(promotion) ?? 'a decision'}`;
  const step = promotion.steps.find(({ state }) => state === 'running')?.name;
  return `is on its way${step === undefined ? '' : `, ${plain(step)}`}`;
}
