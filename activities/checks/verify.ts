/** Is the release that was just deployed well? Asked before it has traffic where there are colours. */
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { Activities, VerifyResult } from '../../workflows/activity-contract.js';
import { heartbeatWhile } from '../cancellation.js';
import { combineVerdicts, describeOutcomes, runChecks } from './run-checks.js';
import { readLogTail, withChecks, type CheckDependencies } from './watching.js';

const LOG_WITHIN_MS = 10_000;
const PROGRESS = z.object({ elapsedMs: z.number().nonnegative() });
const REPORT_MS = 500;

export function createVerify(dependencies: CheckDependencies): Activities['verify'] {
  return ({ target, checks, colour, deployedMsAgo }) =>
    heartbeatWhile<VerifyResult, z.infer<typeof PROGRESS>>(async (report) => {
      const earlier = PROGRESS.safeParse(Context.current().info.heartbeatDetails);
      const elapsedMs = earlier.success ? earlier.data.elapsedMs : 0;
      const startedAt = performance.now();
      const timer = setInterval(() => {
        report({ elapsedMs: elapsedMs + (performance.now() - startedAt) });
      }, REPORT_MS);
      try {
        const at = colour === null ? 'traffic' : 'colour';
        const since = deployedMsAgo === undefined ? {} : { deployedMsAgo };
        const watch = { target, checks, colour, at, baseline: {}, ...since } as const;
        return await withChecks(dependencies, watch, async (context) => {
          const outcomes = await runChecks({ checks, context, elapsedMs });
          const verdict = combineVerdicts(outcomes);
          const logTail =
            verdict === 'failed' ? await readLogTail(dependencies, context, LOG_WITHIN_MS) : null;
          return { verdict, note: describeOutcomes(outcomes), outcomes, logTail };
        });
      } finally {
        clearInterval(timer);
      }
    });
}
