/** What the stand-in for GitHub knows: tests write into it, and read what Slipway wrote. One repository. */
export interface GithubState {
  /** `acme/shop` */
  repository: string;
  /** Tokens it accepts, and whose they are. */
  tokens: Map<string, string>;
  /** The App that is installed on the repository; null = none is. */
  app: { id: string; publicKey: string; slug: string } | null;
  branches: Record<string, string>;
  checkRuns: FakeCheckRun[];
  statuses: FakeStatus[];
  pulls: FakePull[];
  permissions: Record<string, 'admin' | 'write' | 'read' | 'none'>;
  runs: FakeRun[];
  deployments: FakeDeployment[];
  comments: FakeComment[];
}

export interface FakeCheckRun {
  sha: string;
  name: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  /** Id of the App that made it; default that of GitHub Actions. */
  app?: number;
}

export interface FakeStatus {
  sha: string;
  context: string;
  state: string;
  description?: string | null;
  targetUrl?: string | null;
}

export interface FakePull {
  number: number;
  title: string;
  base: string;
  headSha: string;
  mergeSha: string;
  merged: boolean;
  author: string;
  commits: { sha: string; author: string | null }[];
  reviews: FakeReview[];
  /** Other commits that GitHub says came by it: those a rebase made. */
  rebased?: string[];
  mergedAt?: string;
  /** Default this repository. */
  repository?: string;
}

export interface FakeReview {
  by: string;
  state: 'APPROVED' | 'CHANGES_REQUESTED' | 'DISMISSED' | 'COMMENTED';
  commit: string;
  at?: string;
  type?: 'User' | 'Bot';
}

export interface FakeRun {
  id: number;
  sha: string;
  startedBy: string;
  /** Default push. */
  event?: string;
  reviews: { by: string; state: 'approved' | 'rejected'; environments: string[]; type?: 'User' | 'Bot' }[];
}

export interface FakeDeployment {
  id: number;
  sha: string;
  /** Body of the request that made it. */
  body: Record<string, unknown>;
  /** Bodies of its statuses, the oldest first. */
  statuses: Record<string, unknown>[];
}

export interface FakeComment {
  id: number;
  issue: number;
  by: string;
  appId: number | null;
  body: string;
}

export function emptyState(repository: string): GithubState {
  return {
    repository,
    tokens: new Map(),
    app: null,
    branches: {},
    checkRuns: [],
    statuses: [],
    pulls: [],
    permissions: {},
    runs: [],
    deployments: [],
    comments: [],
  };
}
