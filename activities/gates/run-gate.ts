/** Gates: what must be true of the commit before it may go on. A gate that cannot be asked is never a pass. */
import type { GatePlan } from '../../pipeline/plan.js';
import type { Activities, GateSubject } from '../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { stoppable } from '../processes/stop.js';
import { askCommand } from './command-gate.js';
import type { GateAnswer, GateDependencies } from './gate-answer.js';
import { askGithubChecks } from './github-checks-gate.js';
import { askMergedInto } from './merged-into-gate.js';
import { askMigrations } from './migrations/migrations-gate.js';
import { askPullRequest } from './pull-request-gate.js';

export function createRunGate(deps: GateDependencies): Activities['runGate'] {
  return async ({ gate, plan }) =>
    await stoppable(`gate ${gate.name}`, async (signal): Promise<EvidenceItem> => {
      const answer = await askGate(deps, gate, plan, signal);
      return { kind: 'gate', name: gate.name, by: null, at: new Date().toISOString(), ...answer };
    });
}

async function askGate(
  deps: GateDependencies,
  gate: GatePlan,
  subject: GateSubject,
  signal: AbortSignal,
): Promise<GateAnswer> {
  switch (gate.kind) {
    case 'run':
      return await askCommand(deps, gate, subject, signal);
    case 'merged-into':
      return await askMergedInto(deps.source, gate, subject, signal);
    case 'migrations':
      return await askMigrations(deps, gate, subject, signal);
    case 'github-checks':
      return await askGithubChecks(deps.github, gate, subject, signal);
    case 'pull-request':
      return await askPullRequest(deps.github, gate, subject, signal);
  }
}
