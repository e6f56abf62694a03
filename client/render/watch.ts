/** One promotion or change: what happened, what runs, what a person can do. Also the failure screen. */
import type { ProgressStatus } from '../../workflows/messages.js';
import type { StepState, UnwindReport } from '../../workflows/result.js';
import { exitMeaningOf } from '../exit-codes.js';
import type { ShownProgress } from '../merge-progress.js';
import { failureOf } from '../needs-hands.js';
import { signOf, type Style } from './style.js';
import { approvalNote, decidedNotes } from './decided.js';
import { deniedLines } from './denied.js';
import { describeDoing } from './doing.js';
import { failureLines } from './failure.js';
import { forcedLines } from './forced.js';
import { nextCommands } from './next-commands.js';
import { cut, digest12, labelled, lines, pad, plain, row, sha7 } from './text.js';
import { formatMoment, formatTook } from './time.js';
import { warningLines } from './step-warnings.js';
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
  const failure = failureOf(status);
  return lines(
    heading(style, status, now),
    forcedLines(style, status.forced),
    `  ${commitLine(style, status)}`,
    stepLines(style, status),
    approvalLine(style, status),
    labelled('decided', decidedNotes(style, status.decisions), LABEL),
    deniedLines(style, status.denials),
    failure === null ? [] : failureLines(style, failure, LABEL),
    unwindLines(style, status.unwind),
    artifactLine(status),
    supersededLine(status),
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
    const doing = running?.name ?? describeDoing(status);
    return doing === null ? WORD.running : `${WORD.running} ${plain(doing)}`;
  }
  if (state !== 'failed') return WORD[state];
  const failed = steps.find((step) => step.state === 'failed' || step.state === 'inconclusive');
  const place = failed === undefined ? '' : ` in ${plain(failed.name)}`;
  return `${WORD.failed}${place}, ${describeUnwind(unwind)}`;
}

function describeUnwind(unwind: UnwindReport[]): string {
  if (unwind.some((one) => one.outcome === 'undo-failed')) return 'NOT UNDONE';
  if (unwind.some((one) => one.outcome === 'undone')) return 'UNDONE';
  return unwind.some(hasBegun) ? 'nothing to undo' : 'nothing was touched';
}

/** Its step had, so its undo was asked for, and looked. */
function hasBegun({ tookMs }: UnwindReport): boolean {
  return tookMs !== null;
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
  const rows = begun.flatMap((step) => {
    const took = step.tookMs === null ? '' : formatTook(step.tookMs);
    // The failure itself is told below, whole and once.
    const note = step.note === null || step.note === failure?.what ? '' : plain(step.note);
    const left = `  ${signOf(style, step.state)} ${pad(plain(step.name), STEP)}`;
    const room = style.columns - STEP - 5 - style.ok.length - took.length;
    // What is done need not be read to its end; why something takes long must be.
    const shown = step.state === 'succeeded' ? cut(style, note, room) : note;
    return [row(style, `${left}${shown}`.trimEnd(), took), ...warningLines(style, step)];
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

function unwindLines(style: Style, unwind: UnwindReport[]): string[] {
  return unwind.map((one, index) => {
    const sign = signOf(style, one.outcome);
    const note = plain(one.note ?? (one.outcome === 'never-ran' ? 'never ran' : one.outcome));
    const left = `  ${pad(index === 0 ? 'undone' : '', LABEL)}${sign} ${pad(plain(one.step), STEP)}${note}`;
    return row(style, left, one.tookMs === null ? '' : formatTook(one.tookMs));
  });
}

function artifactLine({ artifacts, colour, planHash }: ProgressStatus): string[] {
  const digests = artifacts.map(({ name, digest }) => `${plain(name)} ${digest12(digest)}`);
  const facts = [planHash.slice(0, 8), ...digests, ...(colour === null ? [] : [`colour ${colour}`])];
  return labelled('plan', [facts.join(', ')], LABEL);
}

/** By which release; the workflow's headline says it after its subject. */
function supersededLine({ state, headline, pipeline, version, environment }: ProgressStatus): string[] {
  if (state !== 'superseded') return [];
  const subject = `${pipeline} ${version} → ${environment}`;
  const said = headline.startsWith(subject) ? headline.slice(subject.length).replace(/^:? /, '') : headline;
  return labelled('why', [plain(said)], LABEL);
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
