import type { Actor, ProgressStatus } from '../../workflows/messages.js';
import type { Style } from './style.js';
import { forcedLines } from './forced.js';
import { cut, labelled, lines, plain, sha7 } from './text.js';

const LABEL = 10;
const SUBJECT = 60;

/** What the word of this person will be worth. */
function proofOf({ approving }: ProgressStatus, { proof }: Actor): string {
  return approving?.mustSign === true ? 'to be signed with your SSH key' : `identity: ${proof}`;
}

/** What an approver looks at before saying yes: whole digests, since those are what gets bound. */
export function renderDecision(style: Style, status: ProgressStatus, actor: Actor): string {
  const { commit, artifacts } = status;
  return lines(
    `${style.now} ${style.bold(`${plain(status.pipeline)} ${plain(status.version)} ${style.arrow} ${plain(status.environment)}`)}`,
    forcedLines(style, status.forced),
    labelled(
      'commit',
      [`${sha7(commit.sha)} ${cut(style, plain(commit.subject), SUBJECT)}, by ${plain(commit.author)}`],
      LABEL,
    ),
    labelled('asked by', [plain(status.requestedBy)], LABEL),
    labelled(
      'digest',
      artifacts.map(({ name, digest }) => `${digest} ${plain(name)}`),
      LABEL,
    ),
    labelled('plan', [status.planHash], LABEL),
    labelled('waits for', status.waitingFor === null ? [] : [plain(status.waitingFor)], LABEL),
    labelled('you are', [`${plain(actor.by)} (${proofOf(status, actor)})`], LABEL),
  );
}
