/** What the tests of GitHub share: a stand-in per file, a login, and one activity at a time. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  createGithubActivities,
  type GithubActivities,
} from '../../../activities/github/create-github-activities.js';
import type { BranchHistory } from '../../../activities/github/branch-history.js';
import { createGithub, type Github } from '../../../activities/github/connect.js';
import type { Reviewers } from '../../../activities/github/reviewer.js';
import { createSecrets } from '../../../activities/secrets/secrets.js';
import { createSource } from '../../../activities/source/source.js';
import type { SealKeys } from '../../../activities/trust/seal-keys.js';
import { plantToken } from '../planted.js';
import { NO_POLICY } from '../sealed.js';
import type { FakePull } from './state.js';
import { startGithub, type GithubStandIn } from './stand-in.js';

/** Where the worker of these tests says that the Temporal UI is. */
export const UI_URL = 'https://temporal.example.com';

export const TOKEN = plantToken('ghp_');

/** `sha('a')` is forty a. */
export const sha = (digit: string): string => digit.repeat(40);

/** One for the tests of a file: after each, what broke GitHub's own description fails it, and all is as at the start. */
export function givenGithub(): GithubStandIn {
  const standIn = {} as GithubStandIn;
  beforeAll(async () => {
    Object.assign(standIn, await startGithub());
  });
  afterEach(() => {
    try {
      standIn.expectNoViolations();
    } finally {
      standIn.reset();
    }
  });
  afterAll(() => standIn.stop());
  return standIn;
}

/** Logged in with a token of `slipway-bot`, unless `login` says otherwise. */
export function githubOf(
  standIn: GithubStandIn,
  login: 'token' | 'nobody' = 'token',
  variable = TOKEN,
): Github {
  standIn.state.tokens.set(TOKEN, 'slipway-bot');
  return createGithub({
    settings: {
      apiUrl: standIn.apiUrl,
      login: login === 'nobody' ? null : { kind: 'token', token: 'env:GITHUB' },
    },
    secrets: createSecrets({ GITHUB: variable }),
  });
}

/** Everybody counts, under their login. */
export const ANYBODY: Reviewers = { personOf: (login) => login, whyNot: () => null };

/** As if every merge had what was reviewed and nothing came between: github-history.test.ts asks git itself. */
export const CLEAN_HISTORY: BranchHistory = {
  newOn: (at) => Promise.resolve([at]),
  isMergeOf: () => Promise.resolve(true),
};

/** Seals nothing, believes nothing. */
const NO_KEYS: SealKeys = {
  keyId: '',
  seal: () => ({ statement: '', keyId: '', signature: '' }),
  isGenuine: () => false,
};

/** Without a git repository: for what asks GitHub only. */
export function activitiesOf(github: Github): GithubActivities {
  const source = createSource({ cacheFolder: '/nowhere' });
  return createGithubActivities({ github, source, policy: NO_POLICY, sealKeys: NO_KEYS, uiUrl: UI_URL });
}

/** `scheduledMsAgo`: how long the workflow has waited for it. */
export function runScheduled<Input, Output>(
  activity: (input: Input) => Promise<Output>,
  input: Input,
  scheduledMsAgo = 0,
): { result: Promise<Output>; environment: MockActivityEnvironment } {
  const environment = new MockActivityEnvironment(
    { scheduledTimestampMs: Date.now() - scheduledMsAgo },
    { logger: new DefaultLogger('ERROR') },
  );
  return { result: environment.run(activity, input), environment };
}

/** Merged into main by `mergeSha` f…, with one commit e… of anna's. */
export function mergedPull(over: Partial<FakePull> = {}): FakePull {
  return {
    number: 7,
    title: 'feat(cart): remember it',
    base: 'main',
    headSha: sha('e'),
    mergeSha: sha('f'),
    merged: true,
    author: 'anna',
    commits: [{ sha: over.headSha ?? sha('e'), author: 'anna' }],
    reviews: [],
    ...over,
  };
}
