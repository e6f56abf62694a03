/** Statuses as the workflows answer them; a test says only what matters to it. */
import type { EnvironmentStatus, ProgressStatus, ReleaseStatus } from '../../../workflows/messages.js';
import { givenArtifacts, givenCommit } from '../../support/given.js';

export const NOW = new Date('2026-11-14T10:45:00Z');

export function givenProgress(overrides: Partial<ProgressStatus> = {}): ProgressStatus {
  return {
    headline: 'secretmagic v1.4.0 waits for 1 approval',
    state: 'waiting',
    pipeline: 'secretmagic',
    environment: 'prod',
    version: 'v1.4.0',
    commit: givenCommit(),
    artifacts: givenArtifacts('v1.4.0'),
    planHash: '7c1e90ab'.padEnd(64, '0'),
    requestedBy: 'vmazurovskiy',
    identity: 'unverified',
    waitingFor: null,
    waitingSince: null,
    waitEnds: null,
    approvals: [],
    colour: null,
    steps: [],
    unwind: [],
    failure: null,
    report: '## report',
    ...overrides,
  };
}

export function givenReleaseStatus(overrides: Partial<ReleaseStatus> = {}): ReleaseStatus {
  return {
    headline: 'waits on prod',
    state: 'waiting',
    pipeline: 'secretmagic',
    version: 'v1.4.0',
    commit: givenCommit(),
    artifacts: givenArtifacts('v1.4.0'),
    steps: [],
    promotions: [],
    skipped: [],
    failure: null,
    report: '## release',
    ...overrides,
  };
}

export function givenEnvironment(overrides: Partial<EnvironmentStatus> = {}): EnvironmentStatus {
  return {
    headline: 'prod is at rest',
    pipeline: 'secretmagic',
    environment: 'prod',
    token: 3,
    live: null,
    warm: null,
    good: [],
    queue: [],
    inFlight: null,
    announced: [],
    freeze: null,
    processed: [],
    needsPerson: null,
    ...overrides,
  };
}
