/** The one report: current details, memo, job summary and terminal all show this block (at most 60 columns, ASCII). */
import type { CommitFacts } from '../pipeline/plan.js';
import { oneLine, plainMarkdown } from './plain-text.js';
import type { FailureReport, StepReport, StepState, UnwindReport } from './result.js';
import type { UiLink } from './ui-links.js';

export interface ReportView {
  /** `Waiting: switch traffic on prod`. */
  title: string;
  state: StepState;
  /** `secretmagic v1.4.0 → prod`; without an environment `secretmagic v1.4.0`. */
  subject: string;
  commit: CommitFacts;
  steps: StepReport[];
  unwind: UnwindReport[];
  failure: FailureReport | null;
  /** Lines under the block: `**Live** blue v1.3.9 · **idle** green v1.4.0`. */
  facts: string[];
  /** What a person can do now: `switch` → `slipway switch prod`. */
  commands: { what: string; command: string }[];
  /** To the pages of the runs beside this one. */
  links: UiLink[];
  /** Gates that were forced, who and why; never hidden. */
  forced: string[];
}

const COLUMNS = 60;

const GLYPH: Record<StepState, string> = {
  pending: '..',
  running: '>>',
  waiting: '>>',
  succeeded: 'ok',
  failed: 'XX',
  inconclusive: '!!',
  aborted: 'XX',
  superseded: '..',
  'rolled-back': '<-',
};

const UNWIND_GLYPH: Record<UnwindReport['outcome'], string> = {
  undone: '<-',
  'never-ran': '..',
  'undo-failed': 'XX',
};

const TITLE_SIGN: Record<StepState, string> = {
  pending: '⏳',
  running: '▶',
  waiting: '⏳',
  succeeded: '✅',
  failed: '❌',
  inconclusive: '❓',
  aborted: '⏹',
  superseded: '⏭',
  'rolled-back': '↩',
};

/** Markdown for the UI: title, forced gates, subject, block, facts, commands. */
export function renderReport(view: ReportView): string {
  const { commit } = view;
  const parts = [
    `## ${TITLE_SIGN[view.state]} ${plainMarkdown(view.title)}`,
    ...view.forced.map((forced) => `> ⚠ FORCED ${plainMarkdown(forced)}`),
    `**${plainMarkdown(view.subject)}** · \`${commit.sha.slice(0, 7)}\` ${plainMarkdown(commit.subject)} · ${plainMarkdown(commit.author)}`,
    ['```', ...renderBlock(view), '```'].join('\n'),
    ...view.facts.map(plainExceptBold),
    view.commands.map(({ what, command }) => `- ${what}: \`${command}\``).join('\n'),
    renderLinks(view.links),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** The block's lines. Steps that are still to come share lines; what was undone follows the steps. */
export function renderBlock(view: Pick<ReportView, 'steps' | 'unwind' | 'failure'>): string[] {
  const done = view.steps.filter((step) => step.state !== 'pending');
  const toCome = view.steps.filter((step) => step.state === 'pending');
  return [
    ...done.flatMap((step) => [
      row(GLYPH[step.state], step.name, step.note, step.tookMs),
      ...(step.warnings ?? []).flatMap((warning) => labelled('warns', warning)),
    ]),
    ...wrap(toCome.map(({ name, note }) => `.. ${ascii(name)}${note === null ? '' : ` ${ascii(note)}`}`)),
    ...(view.failure === null ? [] : failureLines(view.failure)),
    ...view.unwind.map((undo) =>
      row(UNWIND_GLYPH[undo.outcome], `undo ${undo.step}`, undo.note ?? undo.outcome, undo.tookMs),
    ),
  ];
}

/** ` · ` between them; empty for none. */
export function renderLinks(links: UiLink[]): string {
  return links.map(({ text, path }) => `[${plainMarkdown(text)}](${path})`).join(' · ');
}

/** The step that waits says what for, if it has nothing better to say. */
export function showWait(steps: StepReport[], waitingFor: string | null): StepReport[] {
  if (waitingFor === null) return steps;
  const waits = steps.findLast(({ state }) => state === 'running' || state === 'waiting');
  return steps.map((step) =>
    step === waits && step.note === null ? { ...step, note: waitNote(step.name, waitingFor) } : step,
  );
}

function waitNote(step: string, waitingFor: string): string {
  return `waits for ${waitingFor === step ? 'a person' : waitingFor}`;
}

/** `2026-01-09 09:00 UTC`: the same on every worker. */
export function formatMinute(iso: string): string {
  const at = new Date(iso).toISOString();
  return `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
}

/** `340ms`, `1.3s`, `41s`, `3m 10s`, `2h 05m`, `3d 4h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1).replace(/\.0$/, '')}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h ${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** As `formatDuration`, without what is zero: `10m`, `24h`. */
export function formatLimit(ms: number): string {
  return formatDuration(ms).replace(/ 0+[hms]$/, '');
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

/** One line of a fenced block: nothing in it can be wider than it looks, or end the fence. */
export function fitLine(label: string, text: string): string {
  return cut(`${label}${ascii(text)}`, COLUMNS);
}

function row(glyph: string, name: string, note: string | null, tookMs: number | null): string {
  const took = tookMs === null ? '' : formatDuration(tookMs);
  const left = `${glyph} ${ascii(name).padEnd(12)} ${ascii(note ?? '')}`.trimEnd();
  if (took === '') return cut(left, COLUMNS);
  const room = COLUMNS - took.length - 1;
  return `${cut(left, room).padEnd(room)} ${took}`;
}

function failureLines(failure: FailureReport): string[] {
  return [
    ...labelled('what', failure.what),
    ...labelled('where', failure.where),
    ...(failure.why === null ? [] : labelled('why', lastLine(failure.why))),
    ...labelled('way out', failure.wayOut),
  ];
}

function labelled(label: string, text: string): string[] {
  const lines = wrap(ascii(text).split(/\s+/), COLUMNS - 11, ' ');
  return lines.map((line, index) => `   ${(index === 0 ? label : '').padEnd(8)}${line}`);
}

/** The last line of a log is where the cause stands. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

function wrap(words: string[], columns = COLUMNS, between = ' '): string[] {
  const lines: string[] = [];
  for (const word of words.filter((word) => word !== '')) {
    const last = lines.at(-1);
    const longer = `${last ?? ''}${between}${word}`;
    if (last !== undefined && longer.length <= columns) lines[lines.length - 1] = longer;
    else lines.push(cut(word, columns));
  }
  return lines;
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 2)}..`;
}

/** One column per character in every browser (Latin, Greek and Cyrillic letters are); no note can end the fence. */
function ascii(text: string): string {
  return oneLine(text)
    .replaceAll('→', '->')
    .replaceAll('…', '..')
    .replaceAll('·', '-')
    .replaceAll('`', "'")
    .replaceAll(/[^\x20-\x7e\u00a1-\u052f]/g, '?');
}

function plainExceptBold(text: string): string {
  return text.split('**').map(plainMarkdown).join('**');
}
