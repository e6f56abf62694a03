/** The verdict over required checks. Pure. */
import { printable } from '../../pipeline/file-error.js';
import type { CheckReport } from '../github/read-checks.js';

export interface CheckedCommit {
  /** `3f2a9c1` or `dev at 3f2a9c1`: where a name was looked for. */
  what: string;
  reports: CheckReport[];
}

export interface ChecksJudgement {
  /** `wait`: nothing is red, something still runs. `absent`: nothing is red, nothing runs, a name is missing. */
  verdict: 'pass' | 'fail' | 'wait' | 'absent';
  /** Each name with its word. */
  note: string;
}

type Word = 'green' | 'red' | 'pending' | 'absent';

/** Every name must be green at every commit; a name that several reported must be green with each of them. */
export function judgeChecks(names: readonly string[], commits: readonly CheckedCommit[]): ChecksJudgement {
  const judged = commits.map((commit) => {
    const lines = names.map((name) => judgeName(name, commit.reports));
    return { lines, text: `${commit.what}: ${lines.map(({ text }) => text).join(', ')}` };
  });
  const words = judged.flatMap(({ lines }) => lines.map(({ word }) => word));
  const note = printable(judged.map(({ text }) => text).join('; '));
  if (words.includes('red')) return { verdict: 'fail', note };
  if (words.every((word) => word === 'green')) return { verdict: 'pass', note };
  // A job that needs others appears when they are done: while anything runs, an absent one may still come.
  const runs = commits.some(({ reports }) => reports.some(isCiRunning));
  return { verdict: runs ? 'wait' : 'absent', note };
}

/** Our own statuses stay pending for as long as this gate waits. */
function isCiRunning({ name, state }: CheckReport): boolean {
  return state === 'pending' && !name.startsWith('slipway/');
}

function judgeName(name: string, reports: readonly CheckReport[]): { word: Word; text: string } {
  const own = reports.filter((report) => report.name === name);
  const worst = (['red', 'pending', 'green'] as const).find((state) =>
    own.some((report) => report.state === state),
  );
  if (worst === undefined) return { word: 'absent', text: `${name} absent` };
  const words = own.filter((report) => report.state === worst).map((report) => wordOf(report));
  return { word: worst, text: `${name} ${[...new Set(words)].join(' and ')}` };
}

function wordOf({ state, word, url }: CheckReport): string {
  if (state === 'pending') return `still running (${word})`;
  return state === 'red' && url !== null ? `${word} ${url}` : word;
}
