/** Who asks GitHub, and what becomes of its refusals. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGithub, type Github } from '../../activities/github/connect.js';
import { readReviews } from '../../activities/github/read-reviews.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { failureOf } from '../support/failure-of.js';
import {
  activitiesOf,
  ANYBODY,
  CLEAN_HISTORY,
  githubOf,
  givenGithub,
  mergedPull,
  runScheduled,
  sha,
  TOKEN,
} from '../support/github/scene.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  // the form GitHub hands out
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});

const standIn = givenGithub();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-github-login-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const read = async (github: Github, repositoryUrl = standIn.repositoryUrl) => {
  const repository = await github.open(repositoryUrl);
  const sources = { repository, history: CLEAN_HISTORY, reviewers: ANYBODY };
  return await readReviews(sources, { commit: sha('f'), branch: 'main', since: null });
};

const refusal = async (github: Github, repositoryUrl?: string) =>
  (await failureOf(read(github, repositoryUrl))) as {
    type: string;
    message: string;
    nonRetryable: boolean;
    nextRetryDelay?: number;
  };

describe('a GitHub App', () => {
  async function appOf(key: string, appId = '4711') {
    const file = path.join(folder, 'app.pem');
    await writeFile(file, key);
    const secrets = createSecrets({});
    const login = { kind: 'app', appId, privateKey: `file:${file}` } as const;
    return { secrets, github: createGithub({ settings: { apiUrl: standIn.apiUrl, login }, secrets }) };
  }
  const install = (): void => {
    standIn.state.app = { id: '4711', publicKey, slug: 'slipway' };
  };

  it('signs in, finds its installation by the repository, and conceals the token it gets', async () => {
    install();
    const { github, secrets } = await appOf(privateKey);
    expect(await read(github)).toMatchObject({ given: [] });
    const [token = ''] = [...standIn.state.tokens.keys()];
    expect(token).toMatch(/^ghs_/);
    expect(secrets.scrub(`Authorization: token ${token}`)).toBe('Authorization: token [token of App 4711]');
    await read(github);
    expect(standIn.state.tokens.size).toBe(1);
  });

  it('knows its own comments', async () => {
    install();
    standIn.state.pulls = [mergedPull()];
    const { github } = await appOf(privateKey);
    const { commentOnPullRequest } = activitiesOf(github);
    const input = {
      repositoryUrl: standIn.repositoryUrl,
      commit: sha('f'),
      pipeline: 'shop',
      environment: 'prod',
    };
    for (const markdown of ['v1 waits', 'v1 is live'])
      await runScheduled(commentOnPullRequest, { ...input, markdown }).result;
    expect(standIn.state.comments).toMatchObject([
      { by: 'slipway[bot]', body: '<!-- slipway shop prod -->\nv1 is live' },
    ]);
  });

  it('that is not installed says where to install it', async () => {
    const { github } = await appOf(privateKey);
    expect((await refusal(github)).message).toBe(
      "acme/shop on 127.0.0.1: GitHub App 4711 is not installed there; install it: the App's page on GitHub, Install App, then choose the repository",
    );
  });

  it('with the wrong id is refused by name', async () => {
    install();
    const { github } = await appOf(privateKey, '4712');
    expect(await refusal(github)).toMatchObject({
      type: 'Refused',
      message: expect.stringMatching(/log in as App 4712; check SLIPWAY_GITHUB_APP_ID/),
    });
  });

  it.each(['not a key', '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n'])(
    'with a broken key asks nothing',
    async (key) => {
      install();
      const { github } = await appOf(key);
      expect(await refusal(github)).toMatchObject({
        type: 'BadInput',
        message: expect.stringContaining('let SLIPWAY_GITHUB_APP_KEY_FILE name the .pem file'),
      });
      expect(standIn.questions).toEqual([]);
    },
  );
});

describe('a token', () => {
  it('is read anew, so that a rotated one needs no restart', async () => {
    const file = path.join(folder, 'token');
    const login = { kind: 'token', token: `file:${file}` } as const;
    const github = createGithub({ settings: { apiUrl: standIn.apiUrl, login }, secrets: createSecrets({}) });
    await writeFile(file, 'ghp_expired_0123456789');
    expect((await refusal(github)).message).toMatch(
      /GitHub refused the login to read the pull requests of ffffffffffff; it may have expired/,
    );
    githubOf(standIn);
    await writeFile(file, `${TOKEN}\n`);
    expect(await read(github)).toMatchObject({ given: [] });
  });

  it('that is missing is named', async () => {
    const login = { kind: 'token', token: 'env:SLIPWAY_GITHUB_TOKEN' } as const;
    const github = createGithub({ settings: { apiUrl: standIn.apiUrl, login }, secrets: createSecrets({}) });
    expect((await refusal(github)).message).toContain('env:SLIPWAY_GITHUB_TOKEN is not set');
  });

  it('is sent to no other host than the one it is for', async () => {
    const github = githubOf(standIn);
    for (const url of ['https://github.com/acme/shop', 'git@evil.example.com:acme/shop.git', '/srv/git/shop'])
      expect(await refusal(github, url)).toMatchObject({ type: 'BadInput' });
    expect(standIn.questions).toEqual([]);
  });

  it('is in no message', async () => {
    const github = githubOf(standIn);
    for (const status of [401, 403, 404, 422, 500]) {
      standIn.fail({ status, body: { message: `no` } });
      expect(JSON.stringify(await refusal(github))).not.toContain(TOKEN);
    }
  });
});

describe('a refusal', () => {
  it('without rights names the rights', async () => {
    const headers = { 'x-accepted-github-permissions': 'pull_requests=read; contents=read' };
    standIn.fail({ status: 403, headers, body: { message: 'Resource not accessible' } });
    expect(await refusal(githubOf(standIn))).toMatchObject({
      type: 'Refused',
      message:
        'acme/shop on 127.0.0.1: the login may not read the pull requests of ffffffffffff; give the token the rights it needs pull_requests=read; contents=read (docs/github.md)',
    });
  });

  it('for want of single sign-on says where to authorise', async () => {
    const headers = { 'x-github-sso': 'required; url=https://github.com/orgs/acme/sso?x=1' };
    standIn.fail({ status: 403, headers });
    expect((await refusal(githubOf(standIn))).message).toContain(
      'authorise the token for the organisation: https://github.com/orgs/acme/sso?x=1',
    );
  });

  it('of a repository nobody may see says so', async () => {
    const url = 'ssh://git@127.0.0.1/acme/other.git';
    expect(await refusal(githubOf(standIn), url)).toMatchObject({
      type: 'Refused',
      message: expect.stringContaining(
        'acme/other on 127.0.0.1: GitHub found nothing to read the pull requests of ffffffffffff, or the login may not see it',
      ),
    });
  });

  it('without any login asks for one', async () => {
    expect((await refusal(githubOf(standIn, 'nobody'))).message).toContain('GitHub refused the login');
    standIn.fail({ status: 404 });
    expect((await refusal(githubOf(standIn, 'nobody'))).message).toContain('give the worker a login');
  });

  it('of a malformed question repeats what GitHub names', async () => {
    const body = { message: 'Validation Failed', errors: [{ message: 'sha is gone', code: 'custom' }] };
    standIn.fail({ status: 422, body });
    expect((await refusal(githubOf(standIn))).message).toContain(
      'answered 422 to read the pull requests of ffffffffffff: Validation Failed; sha is gone',
    );
  });
});

describe('a limit', () => {
  it.each([
    ['retry-after', 403, { 'retry-after': '90' }, 90_000],
    ['a secondary limit', 429, { 'retry-after': '5' }, 5000],
    ['no time at all', 429, {}, 60_000],
  ])('with %s is waited out by Temporal', async (_what, status, headers, delay) => {
    standIn.fail({ status, headers: { ...headers }, body: { message: 'slow down' } });
    expect(await refusal(githubOf(standIn))).toMatchObject({
      type: 'GithubUnavailable',
      nonRetryable: false,
      nextRetryDelay: delay,
      message: expect.stringContaining("GitHub's rate limit stops us"),
    });
    expect(standIn.questions).toHaveLength(1);
  });

  it('that is used up says until when', async () => {
    const reset = Math.ceil(Date.now() / 1000) + 600;
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) };
    standIn.fail({ status: 403, headers });
    const { nextRetryDelay = 0 } = await refusal(githubOf(standIn));
    expect(nextRetryDelay).toBeGreaterThan(500_000);
    expect(nextRetryDelay).toBeLessThanOrEqual(601_000);
  });
});

it('GitHub that is away is retried, and asked once per attempt', async () => {
  standIn.cut();
  expect(await refusal(githubOf(standIn))).toMatchObject({
    type: 'GithubUnavailable',
    nonRetryable: false,
    message: expect.stringContaining('acme/shop on 127.0.0.1: GitHub cannot be reached to read the pull'),
  });
  expect(standIn.questions).toHaveLength(1);
  standIn.fail({ status: 503 });
  expect(await refusal(githubOf(standIn))).toMatchObject({ nonRetryable: false });
  expect(standIn.questions).toHaveLength(2);
});
