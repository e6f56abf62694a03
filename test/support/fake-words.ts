/** What people have said, as a worker of the fake world looks at it: everything counts that nobody denies. */
import type { Activities } from '../../workflows/activity-contract.js';
import type { Place } from './fake-hosts.js';
import { answerOfGithub, type FakeReviewOnGithub } from './fake-reviews.js';
import { environmentKey } from './fake-world.js';

export interface FakeWordsOptions {
  /** Why this person's approval does not count; null = it does. */
  denies?: (by: string) => string | null;
  /** What was said on GitHub about releases to this environment; default nothing. */
  reviews?: (environment: string) => FakeReviewOnGithub[];
  /** How long until GitHub is asked again by itself; default a moment. */
  reviewsAgainMs?: number;
}

type Call = <Result>(activity: keyof Activities, place: Place, effect: () => Result) => Promise<Result>;

export function fakeWords(
  options: FakeWordsOptions,
  call: Call,
): Pick<Activities, 'verifyApproval' | 'findGithubApprovals' | 'verifyForce' | 'verifyDecision'> {
  return {
    verifyApproval: ({ plan, decision: { by, group, reason, statement } }) =>
      call('verifyApproval', { key: plan.name, hosts: [] }, () => {
        const at = new Date(0).toISOString();
        const common = { kind: 'approval' as const, name: 'approval', by, at };
        const why = options.denies?.(by) ?? null;
        if (why !== null) return { ...common, verdict: 'fail' as const, note: why };
        const signed = statement?.payload.includes('approval/1') === true ? {} : { reason };
        const proven = { note: 'signed', proof: statement?.scheme ?? 'ssh', ...signed };
        return { ...common, verdict: 'approved' as const, group, ...proven };
      }),
    findGithubApprovals: (question) =>
      call('findGithubApprovals', { key: question.plan.name, hosts: [] }, () =>
        answerOfGithub(question, options.reviews?.(question.plan.name) ?? [], options.reviewsAgainMs ?? 50),
      ),
    verifyForce: ({ gate, plan, force }) =>
      call('verifyForce', { key: 'name' in plan ? plan.name : plan.pipeline, hosts: [] }, () => {
        const said: { by: string; reason: string; ticket: string } = JSON.parse(force.payload);
        const { by, reason, ticket } = said;
        const common = { kind: 'gate' as const, name: gate.name, by, at: new Date(1).toISOString() };
        const why = options.denies?.(by) ?? null;
        if (why !== null) return { ...common, verdict: 'fail' as const, note: why };
        return { ...common, verdict: 'forced' as const, note: reason, ticket, proof: 'ssh' as const };
      }),
    verifyDecision: ({ subject, by }) =>
      call(
        'verifyDecision',
        { key: environmentKey(subject.pipeline, subject.environment), hosts: [] },
        () => {
          const why = options.denies?.(by) ?? null;
          const said = {
            kind: 'decision' as const,
            name: subject.decision,
            by,
            at: new Date(0).toISOString(),
          };
          return why === null
            ? { ...said, verdict: 'approved', note: 'signed', proof: 'ssh' }
            : { ...said, verdict: 'fail', note: why };
        },
      ),
  };
}
