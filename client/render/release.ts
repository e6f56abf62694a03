import type { ReleaseStatus } from '../../workflows/messages.js';
import { signOf, type Style } from './style.js';
import { decidedNotes } from './decided.js';
import { deniedLines } from './denied.js';
import { forcedLines } from './forced.js';
import { cut, digest12, labelled, lines, pad, plain, plainLines, row, sha7 } from './text.js';
import { formatTook } from './time.js';

const STEP = 14;
const LABEL = 9;
const SUBJECT = 60;

/** The release itself: plan, gates, build; its promotions have screens of their own. */
export function renderRelease(style: Style, status: ReleaseStatus): string {
  const { commit, failure } = status;
  return lines(
    `${signOf(style, status.state)} ${style.bold(`${plain(status.pipeline)} ${plain(status.version)}`)}   ${withoutSubject(status)}`,
    forcedLines(style, status.forced),
    commit === null
      ? null
      : `  ${sha7(commit.sha)} ${cut(style, plain(commit.subject), SUBJECT)}, by ${plain(commit.author)}`,
    status.steps
      .filter((step) => step.state !== 'pending')
      .map((step) =>
        row(
          style,
          `  ${signOf(style, step.state)} ${pad(plain(step.name), STEP)}${plain(step.note ?? '')}`.trimEnd(),
          step.tookMs === null ? '' : formatTook(step.tookMs),
        ),
      ),
    labelled('decided', decidedNotes(style, status.decisions), LABEL),
    deniedLines(style, status.denials),
    status.artifacts.map(({ name, digest }) => `    ${pad(plain(name), STEP)}${digest12(digest)}`),
    status.skipped.map(
      ({ environment, why }) => `  ${style.pending} ${pad(plain(environment), STEP)}left out: ${plain(why)}`,
    ),
    failure === null
      ? []
      : [
          ...labelled('what', [style.red(plain(failure.what))], LABEL),
          ...labelled('where', [plain(failure.where)], LABEL),
          ...labelled(
            'why',
            failure.why === null ? [] : plainLines(failure.why).trimEnd().split('\n'),
            LABEL,
          ),
          ...labelled('way out', [plain(failure.wayOut)], LABEL),
        ],
  );
}

/** `shop v1.0.0 is live on prod` → `is live on prod`: whose headline it is stands before it. */
function withoutSubject({ headline, pipeline, version }: ReleaseStatus): string {
  const subject = `${pipeline} ${version}`;
  return plain(
    headline.startsWith(subject) ? headline.slice(subject.length).replace(/^:?\s*/, '') : headline,
  );
}
