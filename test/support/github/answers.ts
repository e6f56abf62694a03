/** The stand-in's answers, one per route: GitHub's own example with the facts of the state in it. */
import type { Description, Json, Route } from './description.js';
import type { FakeComment, FakeDeployment, FakePull, GithubState } from './state.js';
import { plantToken } from '../planted.js';

export interface Question {
  params: Record<string, string>;
  query: URLSearchParams;
  body: Json;
  /** Login of the caller. */
  caller: string;
  /** Id of the App the caller acts for. */
  appId: number | null;
}

export interface Answer {
  status: number;
  body: unknown;
  /** Is there a page after this one? */
  more?: boolean;
}

export type Answers = Record<Route, (question: Question) => Answer>;

const NOT_FOUND: Answer = {
  status: 404,
  body: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' },
};

export function createAnswers(description: Description, state: GithubState): Answers {
  const example = (route: Route): Json => {
    const value = description.exampleOf(route);
    const one: unknown = Array.isArray(value) ? value[0] : value;
    return one as Json;
  };
  const user = (login: string, type = 'User'): Json => ({
    ...(example('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls')['user'] as Json),
    login,
    type,
  });
  const repositoryOf = (name: string): Json => {
    const { base } = example('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls') as { base: Json };
    return { ...(base['repo'] as Json), full_name: name };
  };

  const pull = (fake: FakePull): Json => {
    const model = example('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls');
    const base = { ...(model['base'] as Json), ref: fake.base };
    return {
      ...model,
      number: fake.number,
      title: fake.title,
      html_url: `https://github.com/${state.repository}/pull/${fake.number}`,
      state: fake.merged ? 'closed' : 'open',
      user: user(fake.author),
      // the example's is not as the description wants it
      requested_teams: [],
      merged_at: fake.merged ? (fake.mergedAt ?? '2026-01-02T03:04:05Z') : null,
      merge_commit_sha: fake.mergeSha,
      base: { ...base, repo: repositoryOf(fake.repository ?? state.repository) },
      head: { ...(model['head'] as Json), sha: fake.headSha },
    };
  };
  const pullOf = ({ params }: Question): FakePull | undefined =>
    state.pulls.find((each) => each.number === Number(params['pull_number']));

  const deployment = (fake: FakeDeployment): Json => ({
    ...example('GET /repos/{owner}/{repo}/deployments'),
    id: fake.id,
    sha: fake.sha,
    ref: fake.body['ref'],
    task: fake.body['task'] ?? 'deploy',
    payload: fake.body['payload'] ?? {},
    environment: fake.body['environment'] ?? 'production',
    production_environment: fake.body['production_environment'] ?? false,
    description: fake.body['description'] ?? null,
    url: `https://api.github.com/repos/${state.repository}/deployments/${fake.id}`,
  });
  const deploymentStatus = (body: Json): Json => ({
    ...example('GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses'),
    id: body['id'],
    state: body['state'],
    description: body['description'] ?? '',
    log_url: body['log_url'],
    environment_url: body['environment_url'],
  });
  const idOf = (status: Json): number => Number(status['id'] ?? 0);
  const comment = (fake: FakeComment): Json => {
    const model = example('GET /repos/{owner}/{repo}/issues/{issue_number}/comments');
    const app = example('GET /repos/{owner}/{repo}/commits/{ref}/check-runs');
    const [run] = app['check_runs'] as Json[];
    return {
      ...model,
      id: fake.id,
      html_url: `https://github.com/${state.repository}/pull/${fake.issue}#issuecomment-${fake.id}`,
      body: fake.body,
      user: user(fake.by, fake.appId === null ? 'User' : 'Bot'),
      ...(fake.appId === null
        ? {}
        : { performed_via_github_app: { ...(run?.['app'] as Json), id: fake.appId } }),
    };
  };
  const nextId = (all: readonly { id: number }[]): number => Math.max(1000, ...all.map(({ id }) => id)) + 1;

  return {
    'GET /user': ({ caller }) => ({ status: 200, body: { ...example('GET /user'), login: caller } }),

    'GET /repos/{owner}/{repo}/installation': () =>
      state.app === null
        ? NOT_FOUND
        : {
            status: 200,
            body: { ...example('GET /repos/{owner}/{repo}/installation'), id: 77, app_slug: state.app.slug },
          },
    'POST /app/installations/{installation_id}/access_tokens': () => {
      const token = plantToken('ghs_');
      state.tokens.set(token, `${state.app?.slug ?? ''}[bot]`);
      const expires = new Date(Date.now() + 3_600_000).toISOString();
      return { status: 201, body: { token, expires_at: expires, permissions: {} } };
    },

    'GET /repos/{owner}/{repo}/branches/{branch}': ({ params }) => {
      const { branch = '' } = params;
      const sha = state.branches[branch];
      if (sha === undefined) return NOT_FOUND;
      const model = example('GET /repos/{owner}/{repo}/branches/{branch}');
      return {
        status: 200,
        body: { ...model, name: branch, commit: { ...(model['commit'] as Json), sha } },
      };
    },
    'GET /repos/{owner}/{repo}/commits/{ref}/check-runs': ({ params, query }) => {
      const [model] = example('GET /repos/{owner}/{repo}/commits/{ref}/check-runs')['check_runs'] as Json[];
      const runs = state.checkRuns.map((run, index) => ({
        ...model,
        id: index + 1,
        head_sha: run.sha,
        name: run.name,
        status: run.status,
        conclusion: run.conclusion,
        html_url: `https://github.com/${state.repository}/runs/${index + 1}`,
        app: { ...(model?.['app'] as Json), id: run.app ?? 15_368 },
      }));
      const own = runs.filter((run) => run.head_sha === params['ref']);
      const { items, more } = pageOf(own, query);
      // the newest first, as GitHub gives them
      return { status: 200, body: { total_count: own.length, check_runs: items.toReversed() }, more };
    },
    'GET /repos/{owner}/{repo}/commits/{ref}/status': ({ params, query }) => {
      const model = example('GET /repos/{owner}/{repo}/commits/{ref}/status');
      const [one] = model['statuses'] as Json[];
      const latest = new Map(
        state.statuses
          .filter(({ sha }) => sha === params['ref'])
          .map((status) => [
            status.context,
            {
              ...one,
              context: status.context,
              state: status.state,
              description: status.description ?? '',
              target_url: status.targetUrl ?? 'https://ci.example.com/1',
            },
          ]),
      );
      const { items, more } = pageOf([...latest.values()], query);
      return {
        status: 200,
        body: { ...model, sha: params['ref'], statuses: items, total_count: latest.size },
        more,
      };
    },
    'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls': ({ params, query }) => {
      const sha = params['commit_sha'];
      const own = state.pulls.filter(
        (each) =>
          (each.merged && each.mergeSha === sha) ||
          [...each.commits.map((commit) => commit.sha), ...(each.rebased ?? [])].includes(sha ?? ''),
      );
      return listOf(own.map(pull), query);
    },
    'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews': (question) => {
      const model = example('GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews');
      const found = pullOf(question);
      const reviews = (found?.reviews ?? []).map((review, index) => ({
        ...model,
        id: index + 1,
        user: user(review.by, review.type),
        state: review.state,
        commit_id: review.commit,
        submitted_at: review.at ?? new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString(),
        html_url: `https://github.com/${state.repository}/pull/${found?.number ?? 0}#pullrequestreview-${index + 1}`,
      }));
      return listOf(reviews, question.query);
    },
    'GET /repos/{owner}/{repo}/pulls/{pull_number}/commits': (question) => {
      const model = example('GET /repos/{owner}/{repo}/pulls/{pull_number}/commits');
      const commits = (pullOf(question)?.commits ?? []).map((commit) => ({
        ...model,
        sha: commit.sha,
        author: commit.author === null ? null : user(commit.author),
        committer: user('web-flow'),
      }));
      return listOf(commits, question.query);
    },
    'GET /repos/{owner}/{repo}/collaborators/{username}/permission': ({ params }) => {
      const permission = state.permissions[params['username'] ?? ''];
      if (permission === undefined) return NOT_FOUND;
      const model = example('GET /repos/{owner}/{repo}/collaborators/{username}/permission');
      const account = { ...(model['user'] as Json), role_name: permission };
      return { status: 200, body: { ...model, permission, role_name: permission, user: account } };
    },

    'GET /repos/{owner}/{repo}/actions/runs': ({ query }) => {
      const list = example('GET /repos/{owner}/{repo}/actions/runs')['workflow_runs'] as Json[];
      const runs = state.runs
        .filter((run) => run.sha === query.get('head_sha'))
        .map((run) => ({
          ...list[0],
          id: run.id,
          head_sha: run.sha,
          event: run.event ?? 'push',
          html_url: `https://github.com/${state.repository}/actions/runs/${run.id}`,
          actor: user(run.startedBy),
          triggering_actor: user(run.startedBy),
        }));
      const { items, more } = pageOf(runs, query);
      return { status: 200, body: { total_count: runs.length, workflow_runs: items }, more };
    },
    'GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals': ({ params }) => {
      const model = example('GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals');
      const [environment] = model['environments'] as Json[];
      const run = state.runs.find(({ id }) => id === Number(params['run_id']));
      const reviews = (run?.reviews ?? []).map((review) => ({
        ...model,
        state: review.state,
        user: user(review.by, review.type),
        environments: review.environments.map((name) => ({ ...environment, name })),
      }));
      return { status: 200, body: reviews };
    },

    'GET /repos/{owner}/{repo}/deployments': ({ query }) => {
      const wanted = (name: string, value: unknown): boolean =>
        query.get(name) === null || query.get(name) === value;
      const own = state.deployments
        .filter(
          (each) =>
            wanted('sha', each.sha) &&
            wanted('environment', each.body['environment']) &&
            wanted('task', each.body['task']),
        )
        .toReversed();
      return listOf(own.map(deployment), query);
    },
    'POST /repos/{owner}/{repo}/deployments': ({ body }) => {
      const made = { id: nextId(state.deployments), sha: String(body['ref']), body, statuses: [] };
      state.deployments.push(made);
      return { status: 201, body: deployment(made) };
    },
    'GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses': ({ params, query }) => {
      const found = state.deployments.find(({ id }) => id === Number(params['deployment_id']));
      return listOf((found?.statuses ?? []).map(deploymentStatus).toReversed(), query);
    },
    'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses': ({ params, body }) => {
      const found = state.deployments.find(({ id }) => id === Number(params['deployment_id']));
      if (found === undefined) return NOT_FOUND;
      const id = 1 + Math.max(0, ...state.deployments.flatMap(({ statuses }) => statuses.map(idOf)));
      const said = { ...body, id };
      found.statuses.push(said);
      return { status: 201, body: deploymentStatus(said) };
    },
    'POST /repos/{owner}/{repo}/statuses/{sha}': ({ params, body }) => {
      const status = {
        sha: params['sha'] ?? '',
        context: String(body['context']),
        state: String(body['state']),
        description: (body['description'] ?? null) as string | null,
        targetUrl: (body['target_url'] ?? null) as string | null,
      };
      state.statuses.push(status);
      const model = example('POST /repos/{owner}/{repo}/statuses/{sha}');
      return { status: 201, body: { ...model, state: status.state, context: status.context } };
    },

    'GET /repos/{owner}/{repo}/issues/{issue_number}/comments': ({ params, query }) => {
      const own = state.comments.filter(({ issue }) => issue === Number(params['issue_number']));
      return listOf(own.map(comment), query);
    },
    'POST /repos/{owner}/{repo}/issues/{issue_number}/comments': ({ params, body, caller, appId }) => {
      const made = {
        id: nextId(state.comments),
        issue: Number(params['issue_number']),
        by: caller,
        appId,
        body: String(body['body']),
      };
      state.comments.push(made);
      return { status: 201, body: comment(made) };
    },
    'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}': ({ params, body }) => {
      const found = state.comments.find(({ id }) => id === Number(params['comment_id']));
      if (found === undefined) return NOT_FOUND;
      found.body = String(body['body']);
      return { status: 200, body: comment(found) };
    },
  };
}

function listOf(all: Json[], query: URLSearchParams): Answer {
  const { items, more } = pageOf(all, query);
  return { status: 200, body: items, more };
}

function pageOf<Item>(all: Item[], query: URLSearchParams): { items: Item[]; more: boolean } {
  const size = Number(query.get('per_page') ?? 30);
  const end = Number(query.get('page') ?? 1) * size;
  return { items: all.slice(end - size, end), more: end < all.length };
}
