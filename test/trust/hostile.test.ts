/**
 * Somebody with namespace write access and a commit right against a worker with a policy: what is refused is really
 * tried, and the same worker really deploys what was let in.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signApproval } from '../../client/sign-approval.js';
import { signRollback } from '../../client/signed-decisions.js';
import type { EnvironmentPlan, ReleasePlan } from '../../pipeline/plan.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { EnvironmentStatus, ProgressStatus } from '../../workflows/messages.js';
import type { EvidenceItem, ReleaseRecord } from '../../workflows/result.js';
import { releaseOf } from '../../workflows/who-may.js';
import { givenChange, givenDecision, givenRequest } from '../support/given.js';
import { isThere, startHostileScene, type HostileScene } from '../support/hostile-scene.js';
import { givePersonKey } from '../support/people.js';
import { plantToken } from '../support/planted.js';

const ANNA = 'anna@example.com';
let scene: HostileScene;
let approved: Target;
/** Compiled by the worker and built, and nobody has approved it. */
let unapproved: Target;
/** Each leaves a line. */
let deploys = 1;

const files = (pipeline: string, folder: string): Record<string, string> => ({
  'slipway.yaml': `pipeline: ${pipeline}
image: {folder: site}
gates: {ci: {run: 'true'}}
release: {gates: [ci]}
checks: {ok: {run: 'true'}}
environments:
  prod:
    from: {tag: 'v*.*.*'}
    hosts: [local]
    checks: [ok]
    platform: {command: 'echo {digest} >> ${folder}/prod'}
`,
  // takes no ref, so that nothing of it is held against the policy of an environment
  'nowhere.yaml': `pipeline: ${pipeline}
image: {folder: site}
registry: {server: 127.0.0.1:1, username: x, password: 'env:PROD_PASSWORD'}
checks: {ok: {run: 'true'}}
environments:
  x: {from: {branch: never}, hosts: [local], checks: [ok], platform: {command: 'true'}}
`,
});

const policy = ({ pipeline, repository, folder }: Record<'pipeline' | 'repository' | 'folder', string>) => `
allowed-signers: allowed_signers
groups: {platform: [${ANNA}]}
pipelines:
  ${pipeline}:
    repositories: [${repository}]
    environments:
      prod:
        production: true
        hosts: [local]
        commands: ['true', 'echo {digest} >> ${folder}/prod']
        approvals: [{count: 1, group: platform}]
        may: {rollback: [platform]}
`;

beforeAll(async () => {
  scene = await startHostileScene(policy, { PROD_PASSWORD: plantToken('pw-') });
  const { repository, pipeline, folder } = scene;
  const key = path.join(folder, 'anna');
  appendFileSync(path.join(folder, 'allowed_signers'), await givePersonKey(key, ANNA));
  const author = 'Mallory <mallory@example.com>';
  await repository.commit('good', { ...files(pipeline, folder), 'site/index.html': 'good' }, author);
  await repository.git('tag', 'v1.0.0');
  await repository.commit('evil', { 'site/index.html': 'evil' }, author);
  await repository.git('tag', 'v6.6.6');
  await repository.git('branch', 'wip');
  approved = await prepare('v1.0.0');
  approved.evidence?.push(await approve(approved, key));
  unapproved = await prepare('v6.6.6');
});
afterAll(() => scene.close());

/** Planned, gated and built by the worker. */
async function prepare(name: string): Promise<Target> {
  const plan = await scene.plan({ kind: 'tag', name });
  const { version, commit } = plan;
  const evidence = [await askGate(plan)];
  const { artifacts } = await scene.ask('buildArtifacts', { plan, evidence });
  const [environment] = plan.environments;
  if (environment === undefined) throw new Error('there is no environment');
  return { plan: environment, token: 1, version, commit, artifacts, colour: null, live: null, evidence: [] };
}

async function askGate(plan: ReleasePlan): Promise<EvidenceItem> {
  const { pipeline, commit, ref, version, repository, gates, environments, seal } = plan;
  const [gate] = gates;
  if (gate === undefined || seal === undefined) throw new Error('there is nothing to ask');
  const names = environments.map((each) => each.name);
  const of = { pipeline, repositoryUrl: repository.url, commit, ref, version, artifacts: [] };
  return await scene.ask('runGate', { gate, seal, plan: { ...of, environments: names } });
}

async function approve({ plan, version, commit, artifacts }: Target, keyFile: string): Promise<EvidenceItem> {
  const requestId = 'request-1';
  const group = 'platform';
  const about = { pipeline: plan.pipeline, environment: plan.name, version, commit, artifacts };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what signing looks at
  const status = { ...about, planHash: plan.planHash } as ProgressStatus;
  const wish = { status, requestId, by: ANNA, group, reason: null, expiresMs: 3_600_000, keyFile };
  const { statement } = await signApproval(wish);
  const decision = { ...givenDecision(ANNA, { group }), statement };
  const claim = { plan, requestId, version, commit, artifacts, requester: 'vadim', decision };
  return await scene.ask('verifyApproval', claim);
}

/** As the client signs it and a worker verifies it. */
async function comeBack(target: Target, key: string): Promise<EvidenceItem> {
  const { pipeline, name: environment } = target.plan;
  const actor = { by: ANNA, proof: 'unverified' as const };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what signing looks at
  const status = {
    pipeline,
    environment,
    good: [recordOf(target)],
    live: null,
  } as unknown as EnvironmentStatus;
  const signed = await signRollback({ actor }, status, target.version, { key });
  if (signed === null) throw new Error('nothing was signed');
  const { requestId, statement } = signed;
  const about = { decision: 'rollback' as const, pipeline, environment, requestId, token: null, until: null };
  const subject = { ...about, release: releaseOf(target) };
  return await scene.ask('verifyDecision', { subject, by: ANNA, statement });
}

const recordOf = (target: Target): ReleaseRecord => ({ ...target, at: '', by: 'mallory' });
const evilPlan = (): Partial<EnvironmentPlan> => {
  const { seal: _, ...plan } = approved.plan;
  return { ...plan, approvals: [], platform: evil() };
};
/** Leaves a trace of its own. */
const evil = (): PlatformPlan => ({
  kind: 'command',
  command: `touch ${scene.folder}/evil`,
  inspect: `touch ${scene.folder}/evil`,
  restore: null,
  retire: null,
  on: 'worker',
});

describe('a worker with a policy', () => {
  it('deploys what was let in', async () => {
    await scene.ask('claim', { target: approved });
    const { prior } = await scene.ask('proveWayBack', { target: approved });
    await scene.ask('deploy', { target: approved, prior });
    const [made] = approved.artifacts;
    expect(readFileSync(path.join(scene.folder, 'prod'), 'utf8')).toBe(`${made?.digest ?? ''}\n`);
  });

  it('deploys what comes back by a word that it has verified', async () => {
    const decisions = [await comeBack(approved, path.join(scene.folder, 'anna'))];
    expect(decisions).toMatchObject([{ verdict: 'approved', proof: 'ssh' }]);
    const target: Target = { ...approved, token: 2, kind: 'rollback', decisions };
    await scene.ask('claim', { target });
    await scene.ask('deploy', { target, prior: (await scene.ask('proveWayBack', { target })).prior });
    approved = { ...approved, token: 2 };
    deploys += 1;
  });

  const ATTACKS: [string, () => Promise<unknown>, RegExp][] = [
    [
      'a release that nobody approved',
      () => scene.forge('deploy', { target: unapproved, prior: [] }),
      /nobody vouches for 1 approval/,
    ],
    [
      'what comes back without a word',
      () => scene.forge('deploy', { target: { ...approved, kind: 'rollback' }, prior: [] }),
      /nobody of platform has signed that v1\.0\.0 comes back/,
    ],
    [
      'what comes back by a word that no worker has heard',
      async () => {
        const { seal: _, ...word } = await comeBack(approved, path.join(scene.folder, 'anna'));
        const target = { ...approved, kind: 'redeploy', decisions: [word] };
        return await scene.forge('deploy', { target, prior: [] });
      },
      /nobody of platform has signed that v1\.0\.0 comes back/,
    ],
    [
      'it by the queue of what is urgent as well',
      () => scene.forge('deploy', { target: unapproved, prior: [] }, 'urgent'),
      /nobody vouches for 1 approval/,
    ],
    [
      'a plan behind the sealed one as what was skipped',
      () => {
        const plan = { ...approved.plan, approvals: [], platform: evil() };
        return scene.forge('deploy', { target: { ...approved, plan, whole: approved.plan }, prior: [] });
      },
      /changed after it was sealed/,
    ],
    [
      'an undo to a release that was never let in',
      async () => {
        const target = { ...approved, live: recordOf(unapproved) };
        return await scene.forge('undoDeploy', { target, prior: [] });
      },
      /nobody vouches for 1 approval/,
    ],
    [
      'a build without the gates of the release, for a push to nowhere',
      async () => {
        const plan = await scene.plan({ kind: 'branch', name: 'wip' }, { trigger: 'push' });
        return await scene.forge('buildArtifacts', { plan, evidence: [] });
      },
      /for no environment/,
    ],
    [
      'a secret sent to a registry, by a file that takes no ref',
      async () => {
        const plan = await scene.plan(
          { kind: 'branch', name: 'wip' },
          { trigger: 'push', file: 'nowhere.yaml' },
        );
        return await scene.forge('buildArtifacts', { plan, evidence: [] });
      },
      /for no environment/,
    ],
    [
      'a look with a command of somebody else',
      () => {
        const { seal: _, ...plan } = approved.plan;
        const look = { what: 'doctor', step: null, host: null, lines: 1, live: recordOf(approved) };
        return scene.forge('inspectEnvironment', { ...look, plan: { ...plan, platform: evil() } });
      },
      /command touch .* is not allowed/,
    ],
    [
      'a tag under the name of a newer one',
      () => scene.plan({ kind: 'tag', name: 'v1.0.0' }, { version: 'v2.0.0' }),
      /is called v1\.0\.0, not "v2\.0\.0"/,
    ],
    [
      'a tag with another commit',
      () => scene.plan({ kind: 'tag', name: 'v1.0.0' }, { commit: unapproved.commit.sha }),
      /the tag points at/,
    ],
    [
      'a transport that runs programs',
      () => scene.plan({ kind: 'tag', name: 'v1.0.0' }, { repositoryUrl: `ext::touch ${scene.folder}/evil` }),
      /does not allow the repository/,
    ],
    [
      'a token that nobody could be above',
      () => scene.forge('claim', { target: { ...approved, token: Number.MAX_SAFE_INTEGER } }),
      /far above the last one seen/,
    ],
  ];
  it.each(ATTACKS)('refuses %s', async (_what, attack, reason) => {
    await expect(attack()).rejects.toThrow(reason);
    expect(isThere(scene, 'evil')).toBe(false);
    expect(readFileSync(path.join(scene.folder, 'prod'), 'utf8').split('\n')).toHaveLength(deploys + 1);
  });

  it.each([
    ['a plan of their own', () => evilPlan(), /the plan has no seal/],
    [
      'a sealed one they have changed',
      () => ({ ...evilPlan(), seal: approved.plan.seal }),
      /after it was sealed/,
    ],
  ])('does nothing for a workflow that a stranger starts with %s', async (_what, planOf, reason) => {
    const { version, commit, artifacts, evidence = [] } = approved;
    const request = givenRequest(planOf() as EnvironmentPlan, version, 'deploy', {
      commit,
      artifacts,
      evidence,
    });
    const { state, failure } = await scene.change(givenChange(request));
    expect(state).toBe('failed');
    expect(JSON.stringify(failure)).toMatch(reason);
    expect(isThere(scene, 'evil')).toBe(false);
  });
});
