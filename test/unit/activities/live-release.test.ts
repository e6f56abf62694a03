/** What is live, as far as it is believed: the list of authors, ignored paths and the gate migrations: begin with it. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  createFindBefore,
  createFindLive,
  type FindLive,
} from '../../../activities/environment/live-release.js';
import { Judge } from '../../../activities/trust/judge.js';
import type { ReleaseRecord } from '../../../workflows/result.js';
import { givenCommit, givenRecord } from '../../support/given.js';
import { givenPolicyStore } from '../../support/policies.js';
import { givenSealedRelease, NO_POLICY, useSealKeys } from '../../support/sealed.js';

const OWNERS = 'b'.repeat(40);
const PROTECTED = givenPolicyStore(
  `pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {hosts: [], reviewed: ${OWNERS}}, stage: {hosts: []}}}}`,
);

const keys = useSealKeys();
let record: ReleaseRecord;

beforeAll(async () => {
  const { environment, target } = await givenSealedRelease(keys.ours);
  const { commit, artifacts, evidence = [] } = target;
  record = { ...givenRecord(environment, target.version, null), commit, artifacts, evidence };
});

/** An environment that says that this is live. */
function findLive(live: ReleaseRecord | null, policy = PROTECTED): FindLive {
  const answer = { result: null, live, knows: false, goodCommits: [], underway: [] };
  const judge = new Judge(keys.ours, policy);
  return createFindLive({ askEnvironment: () => Promise.resolve(answer), policy, judge });
}

const forgeries = (): [string, ReleaseRecord][] => [
  ['another commit', { ...record, commit: givenCommit({ sha: 'c'.repeat(40) }) }],
  ['a release that no gate let in', { ...record, evidence: [] }],
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- anybody may write anything
  ['no release at all', { commit: 'c' } as unknown as ReleaseRecord],
];

describe('what is live', () => {
  test('is what a worker let in', async () => {
    expect(await findLive(record)('shop', 'prod')).toEqual({ commit: record.commit.sha, wasLetIn: true });
    expect(await findLive(null)('shop', 'prod')).toBeNull();
  });

  test('is unknown where it is a forgery', async () => {
    for (const [what, forged] of forgeries()) expect(await findLive(forged)('shop', 'prod'), what).toBeNull();
    expect(await findLive(record)('shop', 'stage')).toBeNull();
  });

  test('is what anybody says, where nothing protects', async () => {
    const other = { ...record, commit: givenCommit({ sha: 'c'.repeat(40) }) };
    const found = await findLive(other, NO_POLICY)('shop', 'prod');
    expect(found).toEqual({ commit: 'c'.repeat(40), wasLetIn: false });
  });
});

test('a release is compared with what is live, else with what the owner of the worker names', async () => {
  const before = (live: ReleaseRecord | null, environment = 'prod') =>
    createFindBefore({ findLive: findLive(live), policy: PROTECTED })('shop', environment);
  expect(await before(record)).toBe(record.commit.sha);
  for (const [what, forged] of forgeries()) expect(await before(forged), what).toBe(OWNERS);
  expect(await before(null)).toBe(OWNERS);
  expect(await before(null, 'stage')).toBeNull();
});
