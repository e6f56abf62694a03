/** A settled release's database goes back, or is restored, only to what was vouched for, and by the word that brings its release back. */
import { beforeAll, describe, expect, test } from 'vitest';
import { writeDecision } from '../../../pipeline/decision-statement.js';
import type { DecisionSubject } from '../../../pipeline/plan.js';
import type { Target } from '../../../workflows/activity-contract.js';
import type { BackupRecord, DatabaseState } from '../../../workflows/database-state.js';
import type { EvidenceItem, ReleaseRecord } from '../../../workflows/result.js';
import { releaseOf } from '../../../workflows/who-may.js';
import { givenPolicyStore } from '../../support/policies.js';
import { givenSealedRelease, throughVouching, type SealedRelease } from '../../support/sealed.js';
import { RESTORING, useVouchingWorker } from '../../support/vouching-worker.js';

const IRINA = 'irina@example.com';
const DATABASE = {
  ...{
    migrate: 'up',
    current: 'at',
    revert: 'down',
    backup: 'b {backup}',
    restore: 'r {backup}',
    inside: null,
  },
};
const policyWith = (may: string) =>
  givenPolicyStore(`allowed-signers: allowed_signers
groups: {leads: [${IRINA}]}
pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {
    production: true, self-approval: false, hosts: [deploy@web-1, deploy@web-2], ${may}}}}}`);
const PROTECTED = policyWith('may: {rollback: [leads]}');
const OPEN = policyWith('wait: 0s');

const { keys, begins, refusal } = useVouchingWorker();
let left: SealedRelease;
let back: SealedRelease;
let stage: SealedRelease;
let target: Target;
let backup: BackupRecord;
let after: DatabaseState;

beforeAll(async () => {
  const plan = { policy: { rules: [] }, database: DATABASE };
  left = await givenSealedRelease(keys.ours, { ...plan, version: 'v2.0.0' });
  back = await givenSealedRelease(keys.ours, { ...plan, version: 'v1.0.0' });
  stage = await givenSealedRelease(keys.ours, { ...plan, version: 'v1.0.0', name: 'stage' });
  // long ago
  target = { ...left.target, kind: 'rollback', token: 90, live: recordOf(back) };
  backup = await backedUp(left);
  after = await foundAt(left, 'r2');
});

function recordOf({
  target: { plan, version, commit, artifacts, colour, evidence = [] },
}: SealedRelease): ReleaseRecord {
  return {
    plan,
    version,
    commit,
    artifacts,
    colour,
    evidence,
    token: 3,
    at: '2026-11-14T10:00:00Z',
    by: 'oleg',
  };
}

const backedUp = (of: SealedRelease, name = 'backup-2'): Promise<BackupRecord> =>
  throughVouching(keys.ours, 'backupDatabase', { target: of.target }, () => ({
    name,
    host: 'web-2',
    proven: true,
    note: name,
  }));

const foundAt = (of: SealedRelease, revision: string): Promise<DatabaseState> =>
  throughVouching(keys.ours, 'readDatabase', { target: of.target }, () => ({ revision }));

/** What a worker makes of the word that brings v1.0.0 back. */
async function word(about: Partial<DecisionSubject> = {}): Promise<EvidenceItem> {
  const { plan } = back.target;
  const subject: DecisionSubject = {
    ...{ decision: 'rollback', pipeline: plan.pipeline, environment: plan.name, requestId: 'request-1' },
    ...{ token: null, release: releaseOf(back.target), until: null },
    ...about,
  };
  const expires = new Date(Date.now() + 60_000).toISOString();
  const said = { slipway: 'decision/2' as const, by: IRINA, reason: null, nonce: 'nonce-123', expires };
  const payload = writeDecision({ ...subject, ...said });
  const claim = { subject, by: IRINA, statement: { scheme: 'ssh' as const, payload, signature: 'signed' } };
  const item = { kind: 'decision', name: 'rollback', by: IRINA, at: '2026-11-14T10:00:00.000Z' } as const;
  return await throughVouching(keys.ours, 'verifyDecision', claim, () => ({
    ...{ ...item, note: null, verdict: 'approved', proof: 'ssh' },
  }));
}

const restoring = (change: object = {}, about: Partial<Target> = {}): object => ({
  ...{ target: { ...target, ...about }, backup, prior: left.prior, ...change },
});

describe('what is restored', () => {
  test('was made here by a worker, whatever it is called', async () => {
    const why = /nobody vouches that \S+ was made here/;
    for (const name of RESTORING) {
      expect(await begins(name, restoring(), OPEN), name).toBe(true);
      for (const forged of [
        { ...backup, name: 'backup-1' },
        { ...backup, host: 'web-1' },
        { name: 'backup-2', host: 'web-2', proven: true, note: '' },
        await backedUp(stage),
      ])
        expect(await refusal(name, restoring({ backup: forged }), OPEN), name).toMatch(why);
    }
  });

  test('takes a signed word for this very backup where a rollback takes one', async () => {
    const why =
      /nobody of leads has signed that v1\.0\.0 comes back with the database from backup-2.*slipway rollback prod v1\.0\.0 --restore-database --key/;
    const enough = [await word({ restoreDatabase: 'backup-2' })];
    const words = [
      [],
      [await word()],
      [await word({ restoreDatabase: 'backup-1' })],
      [await word({ restoreDatabase: 'backup-2', release: releaseOf(left.target) })],
    ];
    for (const name of RESTORING) {
      expect(await begins(name, restoring({}, { decisions: enough }), PROTECTED), name).toBe(true);
      for (const decisions of words)
        for (const kind of ['rollback', 'deploy', 'recover'] as const)
          expect(await refusal(name, restoring({}, { decisions, kind }), PROTECTED), name).toMatch(why);
    }
  });

  test('brings the release of that word back as well', async () => {
    const decisions = [await word({ restoreDatabase: 'backup-2' })];
    const comesBack = { ...back.target, kind: 'rollback' as const, decisions };
    expect(await begins('deploy', { target: comesBack, prior: back.prior }, PROTECTED)).toBe(true);
  });

  test('is for nothing where nothing comes back', async () => {
    expect(await refusal('restoreDatabase', restoring({}, { live: null }))).toMatch(/nothing comes back/);
  });
});

test.each(RESTORING)('%s begins for nothing that was not let in', async (name) => {
  const { plan, live } = target;
  if (live === null) throw new Error('something comes back');
  const gates = (evidence: EvidenceItem[]) => ({ evidence });
  for (const [change, why] of [
    [{ plan: { ...plan, database: { ...DATABASE, restore: 'rm -rf /' } } }, /the plan was changed/],
    [{ plan: { ...plan, seal: undefined } }, /the plan has no seal/],
    [gates([]), /gate ci/],
    [{ live: { ...live, ...gates([]) } }, /gate ci/],
    [{ live: { ...live, artifacts: left.artifacts } }, /gate ci/],
    [{ live: recordOf(stage) }, /another environment/],
  ] as const)
    expect(await refusal(name, { ...restoring(), target: { ...target, ...change } }, OPEN)).toMatch(why);
});

describe('a settled release’s database goes back', () => {
  const reverting = (change: object = {}, about: Partial<Target> = {}): object => ({
    ...{ target: { ...target, ...about }, before: back.database, after, settled: true, ...change },
  });

  test('from where that release brought it, to where the one that comes back ran', async () => {
    expect(await begins('revertDatabase', reverting(), OPEN)).toBe(true);
    const why = /where it was before is not vouched for/;
    for (const before of [
      { ...back.database, revision: 'base' },
      { revision: 'r1' },
      left.database,
      stage.database,
    ])
      expect(await refusal('revertDatabase', reverting({ before }), OPEN)).toMatch(why);
    for (const wrong of [null, { revision: 'r2' }, await foundAt(back, 'r2')])
      expect(await refusal('revertDatabase', reverting({ after: wrong }), OPEN)).toMatch(why);
    // what is not settled takes no word of so long ago
    expect(await refusal('revertDatabase', reverting({ settled: undefined }), OPEN)).toMatch(why);
  });

  test('by the word that brings the other back, where it takes one', async () => {
    const why = /nobody of leads has signed that v1\.0\.0 comes back/;
    for (const kind of ['rollback', 'deploy', 'recover'] as const)
      expect(await refusal('revertDatabase', reverting({}, { kind }), PROTECTED)).toMatch(why);
    const decisions = [await word()];
    expect(await begins('revertDatabase', reverting({}, { decisions }), PROTECTED)).toBe(true);
  });
});
