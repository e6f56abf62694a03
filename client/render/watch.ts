/** One promotion or change: what happened, what runs, what a person can do. Also the failure screen. */
import type { ProgressStatus } from '../../workflows/messages.js';
import type { StepState, UnwindReport } from '../../workflows/result.js';
import { exitMeaningOf } from '../exit-codes.js';
import type { ShownProgress } from '../merge-progress.js';
import { signOf, type Style } from './style.js';
import { approvalNote, decidedNotes } from './decided.js';
import { deniedLines } from './denied.js';
import { forcedLines } from './forced.js';
import { cut, digest12, labelled, lines, pad, plain, plainLines, row, sha7 } from './text.js';
import { formatMoment, formatTook } from './time.js';
import { describeWait } from './wait.js';

const STEP = 14;
const LABEL = 9;
const SUBJECT = 60;

const WORD: Record<StepState, string> = {
  pending: 'PENDING',
  running: 'RUNNING',
  waiting: 'WAITING',
  succeeded: 'LIVE',
  failed: 'FAILED',
  inconclusive: 'UNKNOWN',
  aborted: 'ABORTED',
  superseded: 'SUPERSEDED',
  'rolled-back': 'ROLLED BACK',
};

export function renderProgress(style: Style, status: ShownProgress, now: Date): string {
  return lines(
    heading(style, status, now),
    forcedLines(style, status.forced),
    `  ${commitLine(style, status)}`,
    stepLines(style, status),
    approvalLine(style, status),
    labelled('decided', decidedNotes(style, status.decisions), LABEL),
    deniedLines(style, status.denials),
    status.failure === null ? [] : failureLines(style, status),
    unwindLines(style, status.unwind),
    artifactLine(status),
    liveLine(style, status),
    nextLine(style, status),
  );
}

/** The last screen of a command that ends with something else than 0. */
export function renderExit(exit: number): string {
  return `exit ${String(exit)}: ${exitMeaningOf(exit)}\n`;
}

function heading(style: Style, status: ProgressStatus, now: Date): string {
  const { pipeline, version, environment, state } = status;
  const sign = signOf(style, state);
  const subject = `${plain(pipeline)} ${plain(version)} ${style.arrow} ${plain(environment)}`;
  const spent = spentMs(status, now);
  return row(
    style,
    `${sign} ${style.bold(subject)}   ${describeState(status)}`,
    spent === 0 ? '' : formatTook(spent),
  );
}

/** `FAILED in bake, UNDONE`; `WAITING for 1 approval`. */
function describeState(status: ProgressStatus): string {
  const { state, steps, unwind } = status;
  if (state === 'waiting') {
    const wait = describeWait(status);
    return wait === null ? WORD.waiting : `${WORD.waiting} for ${wait}`;
  }
  if (state === 'running') {
    const running = steps.find((step) => step.state === 'running');
    return running === undefined ? WORD.running : `${WORD.running} ${plain(running.name)}`;
  }
  if (state !== 'failed') return WORD[state];
  const failed = steps.find((step) => step.state === 'failed' || step.state === 'inconclusive');
  const place = failed === undefined ? '' : ` in ${plain(failed.name)}`;
  return `${WORD.failed}${place}, ${describeUnwind(unwind)}`;
}

function describeUnwind(unwind: UnwindReport[]): string {
  if (unwind.some((one) => one.outcome === 'undo-failed')) return 'NOT UNDONE';
  return unwind.some((one) => one.outcome === 'undone') ? 'UNDONE' : 'nothing was touched';
}

function spentMs(status: ProgressStatus, now: Date): number {
  const steps = status.steps.reduce((sum, step) => sum + (step.tookMs ?? 0), 0);
  const undo = status.unwind.reduce((sum, one) => sum + (one.tookMs ?? 0), 0);
  return steps + undo + waitedMs(status, now);
}

function waitedMs({ waitingSince }: ProgressStatus, now: Date): number {
  return waitingSince === null ? 0 : Math.max(0, now.getTime() - Date.parse(waitingSince));
}

function commitLine(style: Style, { commit, requestedBy, identity }: ProgressStatus): string {
  const subject = cut(style, plain(commit.subject), SUBJECT);
  return `${sha7(commit.sha)} ${subject}, by ${plain(commit.author)}; requested by ${plain(requestedBy)} (identity: ${identity})`;
}

/** What is done or under way takes a line each; what is to come shares one. */
function stepLines(style: Style, { steps, failure }: ProgressStatus): string[] {
  const begun = steps.filter((step) => step.state !== 'pending');
  const toCome = steps.filter((step) => step.state === 'pending');
  const rows = begun.map((step) => {
    const took = step.tookMs === null ? '' : formatTook(step.tookMs);
    // The failure itself is told below, whole and once.
    const note = step.note === null || step.note === failure?.what ? '' : plain(step.note);
    const left = `  ${signOf(style, step.state)} ${pad(plain(step.name), STEP)}`;
    const room = style.columns - STEP - 5 - style.ok.length - took.length;
    // What is done need not be read to its end; why something takes long must be.
    const shown = step.state === 'succeeded' ? cut(style, note, room) : note;
    return row(style, `${left}${shown}`.trimEnd(), took);
  });
  if (toCome.length === 0) return rows;
  return [...rows, `  ${toCome.map((step) => `${style.pending} ${plain(step.name)}`).join(' ')}`];
}

function approvalLine(style: Style, { approvals }: ProgressStatus): string[] {
  if (approvals.length === 0) return [];
  const said = approvals.map((approval) => approvalNote(style, approval));
  // a reason could name others behind it
  const hasReasons = approvals.some(({ reason }) => reason !== undefined);
  return labelled('approved', hasReasons ? said : [said.join(', ')], LABEL);
}

function failureLines(style: Style, { failure }: ProgressStatus): string[] {
  if (failure === null) return [];
  return [
    ...labelled('what', [style.red(plain(failure.what))], LABEL),
    ...labelled('where', [plain(failure.where)], LABEL),
    ...labelled('why', failure.why === null ? [] : plainLines(failure.why).trimEnd().split('\n'), LABEL),
    ...labelled('way out', [plain(failure.wayOut)], LABEL),
  ];
}

function unwindLines(style: Style, unwind: UnwindReport[]): string[] {
  return unwind.map((one, index) => {
    const sign = signOf(style, one.outcome);
    const note = one.outcome === 'never-ran' ? 'never ran' : plain(one.note ?? one.outcome);
    const left = `  ${pad(index === 0 ? 'undone' : '', LABEL)}${sign} ${pad(plain(one.step), STEP)}${note}`;
    return row(style, left, one.tookMs === null ? '' : formatTook(one.tookMs));
  });
}

function artifactLine({ artifacts, colour, planHash }: ProgressStatus): string[] {
  const digests = artifacts.map(({ name, digest }) => `${plain(name)} ${digest12(digest)}`);
  const facts = [planHash.slice(0, 8), ...digests, ...(colour === null ? [] : [`colour ${colour}`])];
  return labelled('plan', [facts.join(', ')], LABEL);
}

/** Whom users get while it is on its way, and after it has come to nothing. */
function liveLine(style: Style, { live, version, state }: ShownProgress): string[] {
  if (live === undefined || state === 'succeeded') return [];
  if (live === null) return labelled('live', ['nothing yet'], LABEL);
  const ended = !['pending', 'running', 'waiting'].includes(state);
  const asBefore = ended && live.version !== version ? ', as before' : '';
  const colour = live.colour === null ? '' : `${live.colour} `;
  return labelled('live', [`${colour}${style.bold(plain(live.version))}${asBefore}`], LABEL);
}

/** What the person in front of the screen can type now. */
function nextLine(style: Style, status: ProgressStatus): string[] {
  const commands = nextCommands(status);
  if (commands.length === 0) return [];
  const ends =
    status.waitEnds === null ? '' : `${plain(status.waitEnds.then)} ${formatMoment(status.waitEnds.at)}`;
  return [row(style, `  ${pad('next', LABEL)}${commands.join('   ')}`, style.dim(ends))];
}

function nextCommands({ state, waitingFor, environment, unwind, steps }: ProgressStatus): string[] {
  const name = plain(environment);
  if (unwind.some((one) => one.outcome === 'undo-failed')) return [`slipway retry ${name}`];
  if (state === 'waiting') {
    const what = waitingFor ?? '';
    // these say what a person has written, so they come first
    if (what.startsWith('the end of a freeze by '))
      return [`slipway unfreeze ${name}`, `slipway abort ${name}`];
    if (what.startsWith('the end of a freeze')) return [`slipway abort ${name}`];
    if (what.startsWith('a person to look first')) return [`slipway resume ${name}`, `slipway abort ${name}`];
    if (/^a person: (restore|revert) failed/.test(what)) return [`slipway retry ${name}`];
    if (/approv/i.test(what)) return [`slipway approve ${name}`, `slipway reject ${name}`];
    if (/switch|traffic/i.test(what)) return [`slipway switch ${name}`, `slipway abort ${name}`];
    if (/pause|resume/i.test(what)) return [`slipway resume ${name}`, `slipway abort ${name}`];
    if (steps.some((step) => step.state === 'failed' || step.state === 'inconclusive')) {
      return [`slipway retry ${name}`, `slipway abort ${name}`];
    }
    return [`slipway abort ${name}`];
  }
  const baking =
    state === 'running' && steps.some((step) => step.name === 'bake' && step.state === 'running');
  return baking ? [`slipway rollback ${name}`] : [];
}
