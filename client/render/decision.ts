import type { Actor, ProgressStatus } from '../../workflows/messages.js';
import type { Style } from './style.js';
import { forcedLines } from './forced.js';
import { cut, labelled, lines, plain, reasonLines, sha7 } from './text.js';

const LABEL = 10;
const SUBJECT = 60;
/** What is longer would go on below, and could look there like a line of ours. */
const NAME = 63;

/** What the word of this person will be worth. */
function proofOf({ approving }: ProgressStatus, { proof }: Actor): string {
  if (approving?.mustSign === true) return 'to be signed with your SSH key';
  return approving?.byToken === 'every' ? 'to be proven with a token' : `identity: ${proof}`;
}

/** What an approver looks at before saying yes: whole digests and the whole reason, since those are what gets bound. */
export function renderDecision(
  style: Style,
  status: ProgressStatus,
  actor: Actor,
  reason: string | null = null,
): string {
  const { commit, artifacts } = status;
  const name = (text: string): string => cut(style, plain(text), NAME);
  return lines(
    `${style.now} ${style.bold(`${name(status.pipeline)} ${name(status.version)} ${style.arrow} ${name(status.environment)}`)}`,
    forcedLines(style, status.forced),
    labelled(
      'commit',
      [`${sha7(commit.sha)} ${cut(style, plain(commit.subject), SUBJECT)}, by ${name(commit.author)}`],
      LABEL,
    ),
    labelled('asked by', [name(status.requestedBy)], LABEL),
    labelled(
      'digest',
      artifacts.map(({ name: artifact, digest }) => `${digest} ${name(artifact)}`),
      LABEL,
    ),
    labelled('plan', [status.planHash], LABEL),
    labelled(
      'waits for',
      status.waitingFor === null ? [] : [cut(style, plain(status.waitingFor), SUBJECT)],
      LABEL,
    ),
    reasonLines(reason, LABEL),
    labelled('you are', [`${plain(actor.by)} (${proofOf(status, actor)})`], LABEL),
  );
}
