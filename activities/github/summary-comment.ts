/** The report of a release as one comment on its pull request, which is edited, not repeated. */
import { z } from 'zod';
import type { Activities } from '../../workflows/activity-contract.js';
import { checkCommitId } from '../source/git-names.js';
import type { GithubRepository } from './connect.js';
import { readPullRequests } from './pull-requests.js';

type Input = Parameters<Activities['commentOnPullRequest']>[0];

/** GitHub takes 65,536. */
const LONGEST = 60_000;

/** On the merged pull request that made the commit, else on the newest that has it; null when there is none. */
export async function commentOn(
  repository: GithubRepository,
  input: Input,
): Promise<Awaited<ReturnType<Activities['commentOnPullRequest']>>> {
  const sha = checkCommitId(input.commit);
  const pulls = await readPullRequests(repository, sha);
  const pull =
    pulls.find((each) => each.mergeSha === sha && each.mergedAt !== null) ??
    [...pulls].sort((a, b) => b.number - a.number)[0];
  if (pull === undefined) return { commentUrl: null };
  const mark = `<!-- slipway ${input.pipeline} ${input.environment} -->`;
  const body = `${mark}\n${harmless(input.markdown)}`;
  const present = await findOwn(repository, pull.number, mark);
  if (present === null) {
    const { html_url } = await repository.ask(`comment on #${pull.number}`, (octokit, at) =>
      octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
        ...at,
        issue_number: pull.number,
        body,
      }),
    );
    return { commentUrl: html_url };
  }
  if (present.body !== body) {
    await repository.ask(`edit the comment on #${pull.number}`, (octokit, at) =>
      octokit.request('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', {
        ...at,
        comment_id: present.id,
        body,
      }),
    );
  }
  return { commentUrl: present.url };
}

/** Names in commit subjects must not call people, and nothing may hide in a comment of HTML. */
function harmless(markdown: string): string {
  const text = markdown.replaceAll(/(?<![\w@])@(?=\w)/g, '@\u200b').replaceAll('<!--', '&lt;!--');
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}\n\n…`;
}

interface OwnComment {
  id: number;
  url: string;
  body: string;
}

/** Anybody can write our mark into a comment of theirs, so only our own hand's counts. */
async function findOwn(
  repository: GithubRepository,
  issue: number,
  mark: string,
): Promise<OwnComment | null> {
  const comments = await repository.list(
    `read the comments on #${issue}`,
    (octokit, at) =>
      octokit.request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
        ...at,
        issue_number: issue,
      }),
    (page) => page,
  );
  const candidates = comments.filter(({ body }) => body?.startsWith(`${mark}\n`) === true);
  if (candidates.length === 0) return null;
  const isOwn = await ownHand(repository);
  const own = candidates.find((each) =>
    isOwn(each.user?.login ?? null, each.performed_via_github_app ?? null),
  );
  if (own === undefined) return null;
  return { id: Number(own.id), url: own.html_url, body: own.body ?? '' };
}

const appShape = z.object({ id: z.number(), client_id: z.string().optional() });

type IsOwn = (login: string | null, app: unknown) => boolean;

/** The token that GitHub Actions hands out may not ask who it is: it is the Actions bot. */
async function ownHand({ login, find, name }: GithubRepository): Promise<IsOwn> {
  if (login === null) return () => false;
  if (login.kind === 'app') {
    return (_login, app) => {
      const read = appShape.safeParse(app).data;
      return String(read?.id) === login.appId || read?.client_id === login.appId;
    };
  }
  const user = await find(`ask who comments on ${name}`, (octokit, at) =>
    octokit.request('GET /user', { request: at.request }),
  ).catch(() => null);
  const own = user?.login ?? 'github-actions[bot]';
  return (by) => by === own;
}
