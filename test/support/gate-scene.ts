/** What the tests of gates share: what gates ask, a commit they are asked about, and a repository it is in. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach } from 'vitest';
import type { GateDependencies } from '../../activities/gates/gate-answer.js';
import { createRunGate } from '../../activities/gates/run-gate.js';
import { createGithub } from '../../activities/github/connect.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createSource } from '../../activities/source/source.js';
import type { GatePlan } from '../../pipeline/plan.js';
import type { GateSubject } from '../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { givenCommit, givenReleaseRequest } from './given.js';
import { createRepository, type TestRepository } from './repository.js';

/** A source, a GitHub and environments that nobody asks unless the test says so. */
export function givenGateDependencies(given: Partial<GateDependencies>): GateDependencies {
  const settings = { apiUrl: 'https://api.github.com', login: null };
  return {
    source: createSource({ cacheFolder: '/nowhere' }),
    github: createGithub({ settings, secrets: createSecrets({}) }),
    jobUser: () => Promise.resolve(null),
    scrub: (text) => text,
    liveCommit: () => Promise.resolve(null),
    ...given,
  };
}

/** Version v1.0.0 of the shop, by its tag. */
export function subjectOf(repositoryUrl: string, sha: string, more: Partial<GateSubject> = {}): GateSubject {
  const { pipeline, ref, version } = givenReleaseRequest();
  const commit = givenCommit({ sha });
  return { pipeline, repositoryUrl, commit, ref, version, artifacts: [], ...more };
}

export interface GateScene {
  /** Another one for each test. */
  readonly repository: TestRepository;
  /** Beside it, for what a test leaves there. */
  folder: string;
  start(gate: GatePlan, sha: string, more?: Partial<GateSubject>): StartedGate;
  ask(gate: GatePlan, sha: string, more?: Partial<GateSubject>): Promise<EvidenceItem>;
}

export interface StartedGate {
  environment: MockActivityEnvironment;
  ended: Promise<EvidenceItem>;
}

/** A repository for each test of the file, and gates that are asked about its commits. */
export function givenGateScene(given: Partial<GateDependencies> = {}): GateScene {
  const repository = {} as TestRepository;
  const start: GateScene['start'] = (gate, sha, more) => {
    const environment = new MockActivityEnvironment();
    const source = createSource({ cacheFolder: path.join(scene.folder, 'cache') });
    const runGate = createRunGate(givenGateDependencies({ source, ...given }));
    const plan = subjectOf(repository.folder, sha, more);
    return { environment, ended: environment.run(runGate, { gate, plan }) };
  };
  const scene: GateScene = { repository, folder: '', start, ask: (...asked) => start(...asked).ended };
  beforeEach(async () => {
    Object.assign(repository, await createRepository());
    scene.folder = await mkdtemp(path.join(tmpdir(), 'slw-gates-'));
  });
  afterEach(async () => {
    await repository.remove();
    await rm(scene.folder, { recursive: true, force: true });
  });
  return scene;
}
