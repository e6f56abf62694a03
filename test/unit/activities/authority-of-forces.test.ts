/** Forced gates as activities see them: only beside the gate's own no, only as a worker verified it, and never hidden. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { PolicyStore } from '../../../activities/trust/policy-store.js';
import { withHash } from '../../../pipeline/hash-plan.js';
import type { EnvironmentPlan, ReleasePlan } from '../../../pipeline/plan.js';
import type { ForceClaim } from '../../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../../workflows/result.js';
import { givenForce } from '../../support/forces.js';
import { givenArtifacts, givenRule } from '../../support/given.js';
import { givenPolicyStore } from '../../support/policies.js';
import {
  evidenceOf,
  GATE,
  gateInput,
  gateSaid,
  givenApproval,
  givenSealedRelease,
  lately,
  throughVouching,
  type SealedRelease,
} from '../../support/sealed.js';
import { useVouchingWorker } from '../../support/vouching-worker.js';

const { keys, begins, refusal } = useVouchingWorker();
const FORCE = { group: 'leads', gates: [GATE.name] };
const LATER = lately(1000);
const BY = 'irina@example.com';
const MARK = { gate: GATE.name, by: BY, reason: 'no fix is out yet', ticket: 'OPS-412' };
const FORCED: EvidenceItem = {
  ...evidenceOf('forced', LATER),
  by: BY,
  note: MARK.reason,
  ticket: MARK.ticket,
  proof: 'ssh',
};

const released = async (change: Partial<EnvironmentPlan> = {}, by = keys.ours): Promise<SealedRelease> =>
  await givenSealedRelease(by, { force: FORCE, policy: { rules: [] }, ...change });

function claimOf(of: SealedRelease, refusal: EvidenceItem): ForceClaim {
  const { gate, plan: subject } = gateInput(of.plan, of.environment, of.artifacts);
  const { statement: force } = givenForce(GATE.name);
  return { gate, plan: of.environment, requestId: 'request-1', subject, refusal, force };
}

/** The gate's no, and the force a worker verified. */
async function forcing(
  of: SealedRelease,
  item = FORCED,
  by = keys.ours,
): Promise<[EvidenceItem, EvidenceItem]> {
  const said = await gateSaid(by, of, 'fail');
  return [said, await throughVouching(by, 'verifyForce', claimOf(of, said), () => item)];
}

const targetOf = ({ target, prior }: SealedRelease, evidence: EvidenceItem[]) => ({
  target: { ...target, evidence },
  prior,
});

let release: SealedRelease;
let no: EvidenceItem;
let forced: EvidenceItem;
beforeAll(async () => {
  release = await released();
  [no, forced] = await forcing(release);
});

describe('a deploy', () => {
  const outcome = (evidence: EvidenceItem[]): Promise<string> =>
    refusal('deploy', targetOf(release, evidence));

  test('begins with a gate that said no and was forced', async () => {
    expect(await begins('deploy', targetOf(release, [no, forced]))).toBe(true);
  });

  test('does not begin with the no alone, or the force alone', async () => {
    expect(await outcome([no])).toMatch(/gate ci said fail/);
    expect(await outcome([forced])).toMatch(/gate ci said forced/);
  });

  test('takes no force that is not sealed, or sealed by others, or of something else', async () => {
    const { seal: _seal, ...bare } = forced;
    expect(await outcome([no, bare])).toMatch(/gate ci said fail/);
    const elsewhere = [
      { by: keys.foreign, change: {} },
      { by: keys.ours, change: { name: 'stage' } },
      { by: keys.ours, change: { pipeline: 'other' } },
      { by: keys.ours, change: { version: 'v2.0.0' } },
    ];
    for (const { by, change } of elsewhere) {
      const [, other] = await forcing(await released(change, by), FORCED, by);
      expect(await outcome([no, other])).toMatch(/gate ci said fail/);
    }
  });

  test('takes no force that is shown as something else', async () => {
    const shown: Partial<EvidenceItem>[] = [
      { verdict: 'pass' },
      { by: 'oleg' },
      { note: 'all is well' },
      { ticket: 'OPS-1' },
    ];
    for (const change of shown)
      expect(await outcome([no, { ...forced, ...change }])).toMatch(/gate ci said fail/);
  });

  test('takes no force that a worker did not find good, or that names no ticket', async () => {
    const [, denied] = await forcing(release, {
      ...evidenceOf('fail', LATER),
      by: BY,
      note: 'its key is revoked',
    });
    expect(denied.seal).toBeUndefined();
    const { ticket: _ticket, ...without } = FORCED;
    const [, unnamed] = await forcing(release, without);
    expect(unnamed.seal).toBeUndefined();
    for (const item of [denied, { ...denied, verdict: 'forced' as const }, unnamed])
      expect(await outcome([no, item])).toMatch(/gate ci said fail/);
  });

  test('does not begin where the gate said no once more after it', async () => {
    const again = await gateSaid(keys.ours, release, 'fail', lately(2000));
    expect(await outcome([no, forced, again])).toMatch(/gate ci said fail/);
  });

  test('does not begin where the sealed plan lets nobody force it', async () => {
    const strict = await givenSealedRelease(keys.ours, { policy: { rules: [] } });
    const evidence = await forcing(strict);
    expect(await refusal('deploy', targetOf(strict, evidence))).toMatch(/lets nobody force it/);
    const loosened = { ...strict.environment, force: FORCE };
    const target = { ...strict.target, plan: loosened, evidence };
    expect(await refusal('deploy', { target, prior: strict.prior })).toMatch(/changed after it was sealed/);
  });

  test('does not begin once the policy lets nobody force it, and still goes back', async () => {
    const allows = policyOf('force: {group: leads, gates: [ci]}');
    const planned = await released();
    const evidence = await forcing(planned);
    const input = targetOf(planned, evidence);
    expect(await begins('deploy', input, allows)).toBe(true);
    expect(await refusal('deploy', input, policyOf())).toMatch(/lets nobody force gate ci any more/);
    expect(await begins('undoDeploy', input, policyOf())).toBe(true);
    expect(await begins('retireColour', { target: input.target, colour: 'blue' }, policyOf())).toBe(true);
  });

  test('counts no approval of who forced a gate', async () => {
    const change = { approvals: [givenRule(1)] };
    const own = await released(change);
    const evidence = await forcing(own);
    const irina = await givenApproval(keys.ours, own, { by: 'Irina@Example.com' });
    const oleg = await givenApproval(keys.ours, own, { by: 'oleg' });
    const input = (approval: EvidenceItem) => targetOf(own, [...evidence, approval]);
    expect(await refusal('deploy', input(irina))).toMatch(/nobody vouches for 1 approval/);
    expect(await begins('deploy', input(oleg))).toBe(true);
    const lax = await released({ ...change, selfApproval: true });
    const both = [...(await forcing(lax)), await givenApproval(keys.ours, lax, { by: BY })];
    expect(await begins('deploy', targetOf(lax, both))).toBe(true);
  });
});

describe('a gate', () => {
  test('cannot say by itself that it was forced', async () => {
    const input = gateInput(release.plan, release.environment, release.artifacts);
    await expect(throughVouching(keys.ours, 'runGate', input, () => FORCED)).rejects.toThrow(
      /no gate says forced by itself/,
    );
  });
});

describe('a force is not even looked at', () => {
  const asks = async (change: Partial<ForceClaim>): Promise<string> =>
    await refusal('verifyForce', { ...claimOf(release, no), ...change });

  test('where the gate passed, or nobody vouches that it said no', async () => {
    const { seal: _seal, ...bare } = no;
    const stage = await released({ name: 'stage' });
    const [passed, elsewhere] = [
      await gateSaid(keys.ours, release, 'pass'),
      await gateSaid(keys.ours, stage, 'fail'),
    ];
    for (const word of [passed, bare, elsewhere, forced])
      expect(await asks({ refusal: word })).toMatch(/nobody vouches that gate ci said no/);
  });

  test('but where it said no, or could not be asked', async () => {
    for (const verdict of ['fail', 'error'] as const) {
      const claim = claimOf(release, await gateSaid(keys.ours, release, verdict));
      expect(await begins('verifyForce', claim)).toBe(true);
    }
  });

  test('for a plan, gate, commit or digest that no worker sealed', async () => {
    const { environment } = release;
    const { subject } = claimOf(release, no);
    const { seal: _seal, ...unsealed } = environment;
    expect(await asks({ plan: unsealed })).toMatch(/no seal/);
    expect(await asks({ plan: { ...environment, force: { group: 'anybody', gates: ['ci'] } } })).toMatch(
      /changed after it was sealed/,
    );
    expect(await asks({ gate: { ...GATE, name: 'other' } })).toMatch(/no such gate/);
    const commit = { ...subject.commit, sha: 'c'.repeat(40) };
    expect(await asks({ subject: { ...subject, commit } })).toMatch(/of another commit/);
    expect(await asks({ subject: { ...subject, artifacts: givenArtifacts('v9') } })).toMatch(
      /no worker vouches/,
    );
  });
});

describe('a gate of the release', () => {
  let plan: ReleasePlan;
  let evidence: EvidenceItem[];

  async function sealedWith(force: ReleasePlan['force']): Promise<ReleasePlan> {
    const compiled = withHash({
      ...release.plan,
      gates: [GATE],
      ...(force === undefined ? {} : { force }),
      environments: [{ ...release.environment, gates: [], approvals: [givenRule(1)] }].map(withHash),
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the plan is sealed
    return await throughVouching(keys.ours, 'resolvePlan', {} as never, () => compiled);
  }

  async function forcedOf(of: ReleasePlan): Promise<EvidenceItem[]> {
    const { pipeline, commit, ref, version, repository } = of;
    const environments = of.environments.map(({ name }) => name);
    const about = { pipeline, repositoryUrl: repository.url, commit, ref, version, environments };
    const subject = { ...about, artifacts: [] };
    const sealed = of.seal === undefined ? {} : { seal: of.seal };
    const said = await throughVouching(keys.ours, 'runGate', { gate: GATE, plan: subject, ...sealed }, () =>
      evidenceOf('fail'),
    );
    const { statement: force } = givenForce(GATE.name);
    const claim = { gate: GATE, plan: of, requestId: 'request-1', subject, refusal: said, force };
    return [said, await throughVouching(keys.ours, 'verifyForce', claim, () => FORCED)];
  }

  const build = (of: ReleasePlan, given: EvidenceItem[]) =>
    throughVouching(keys.ours, 'buildArtifacts', { plan: of, evidence: given }, () => ({
      artifacts: givenArtifacts('v1.0.0'),
      adopted: false,
    }));

  beforeAll(async () => {
    plan = await sealedWith(FORCE);
    evidence = await forcedOf(plan);
  });

  test('is built where it was forced, and what is built says so', async () => {
    const { artifacts } = await build(plan, evidence);
    expect(artifacts).toMatchObject([{ forced: [MARK] }]);
  });

  test('is not built with the no alone, or where nobody may force it', async () => {
    await expect(build(plan, evidence.slice(0, 1))).rejects.toThrow(/gate ci said fail/);
    const strict = await sealedWith(undefined);
    await expect(build(strict, await forcedOf(strict))).rejects.toThrow(/lets nobody force it/);
  });

  test('cannot be hidden afterwards, and who forced it approves nothing', async () => {
    const { artifacts } = await build(plan, evidence);
    const [environment] = plan.environments;
    if (environment === undefined) throw new Error('there is no environment');
    const target = { ...release.target, plan: environment, artifacts, evidence: [] };
    const of = { target };
    const irina = await givenApproval(keys.ours, of, { by: BY });
    const oleg = await givenApproval(keys.ours, of, { by: 'oleg' });
    const withWord = (approval: EvidenceItem) => ({ target: { ...target, evidence: [approval] } });
    expect(await begins('preflight', withWord(oleg))).toBe(true);
    expect(await refusal('preflight', withWord(irina))).toMatch(/nobody vouches for 1 approval/);
    const hidden = artifacts.map(({ forced: _forced, ...rest }) => rest);
    const other = artifacts.map((made) => ({ ...made, forced: [{ ...MARK, by: 'oleg' }] }));
    for (const shown of [hidden, other])
      expect(
        await refusal('preflight', { target: { ...target, artifacts: shown, evidence: [oleg] } }),
      ).toMatch(/no worker vouches for/);
    expect(
      await refusal('preflight', withWord(oleg), policyOf('approvals: [{count: 1, by: unverified}]')),
    ).toMatch(/lets nobody force gate ci any more/);
  });
});

/** Lines of the environment's; the pipeline's own gates may be forced by nobody. */
function policyOf(line = ''): PolicyStore {
  const head = `allowed-signers: allowed_signers
groups: {leads: [irina@example.com]}
pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {production: true, `;
  const text = `${head}${line === '' ? '' : `${line}, `}hosts: [deploy@web-1, deploy@web-2]}}}}`;
  return givenPolicyStore(text);
}
