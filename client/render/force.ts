import type { ReleasePlan } from '../../pipeline/plan.js';
import { formatDuration } from '../../pipeline/durations.js';
import { FORCE_LASTS_MS, type ForceWish } from '../force-gates.js';
import type { Style } from './style.js';
import { cut, labelled, lines, plain, sha7 } from './text.js';

const LABEL = 10;
const SUBJECT = 60;

/** What a person looks at before signing that gates may say no. */
export function renderForce(
  style: Style,
  { plan, wish, by }: { plan: ReleasePlan; wish: ForceWish; by: string },
): string {
  const { commit } = plan;
  const names = plan.environments.map(({ name }) => plain(name)).join(', ');
  return lines(
    `${style.yellow(style.forced)} ${style.bold(`FORCE on ${plain(plan.pipeline)} ${plain(plan.version)} ${style.arrow} ${names}`)}`,
    labelled(
      'commit',
      [`${sha7(commit.sha)} ${cut(style, plain(commit.subject), SUBJECT)}, by ${plain(commit.author)}`],
      LABEL,
    ),
    wish.gates.flatMap(({ gate, at, group }) => {
      const where = at.map((name) => (name === null ? 'before the build' : `on ${plain(name)}`)).join(', ');
      return labelled('gate', [`${plain(gate)}, ${where}; may be forced by ${plain(group)}`], LABEL);
    }),
    labelled('reason', [plain(wish.reason)], LABEL),
    labelled('ticket', [plain(wish.ticket)], LABEL),
    labelled('you are', [`${plain(by)}, signing with ${plain(wish.keyFile)}`], LABEL),
    labelled(
      'counts',
      [`where the gate says no, for ${formatDuration(FORCE_LASTS_MS)}; the mark stays for ever`],
      LABEL,
    ),
  );
}
