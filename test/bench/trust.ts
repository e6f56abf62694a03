/** What it costs that activities believe nobody: the check in front of each, and an approval's signature. */
import type { Context } from '@temporalio/activity';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { checkSignature } from '../../activities/trust/ssh-signature.js';
import { createVouching } from '../../activities/trust/vouching.js';
import type { Activities } from '../../workflows/activity-contract.js';
import { withEnds } from './ends.js';
import { percentile, row, type Benchmark, type Row } from './rows.js';
import { givenSealedChange, type SealedChange } from './sealed-change.js';

const TIMES = 300;
const SIGNATURES = 50;
/** Not counted: caches fill, code gets compiled. */
const WARM_UP = 30;

type Name = keyof Activities;
type Execute = (input: ActivityExecuteInput) => Promise<unknown>;

export const trust: Benchmark = {
  name: 'trust',
  about: `what stands in front of an activity, ${TIMES} times each; ${SIGNATURES} signatures verified`,
  run: (say) =>
    withEnds(async (ends) => {
      const change = await givenSealedChange(ends);
      const { target, prior, signed } = change;
      const checks = [...target.plan.checks, ...target.plan.dependencies];
      const bytes = JSON.stringify(target).length;
      say(`${bytes} bytes of input, ${target.evidence?.length ?? 0} sealed pieces of evidence`);
      const rows: Row[] = [
        await rowOf(change, 'deploy', { target, prior }, { note: '' }),
        await rowOf(change, 'verify', { target, checks, colour: 'green' }, { verdict: 'passed' }),
        await rowOf(change, 'proveWayBack', { target }, { wayBack: 'proven', note: '', prior }),
        await rowOf(change, 'undoDeploy', { target, prior }, { outcome: 'undone', note: '' }),
      ];
      const tookMs: number[] = [];
      for (let turn = -WARM_UP; turn < SIGNATURES; turn += 1) {
        const startedAt = performance.now();
        const answer = await checkSignature(signed);
        if (turn >= 0) tookMs.push(performance.now() - startedAt);
        if (!answer.isGood) throw new Error(`the signature does not hold: ${answer.why}`);
      }
      return [
        ...rows,
        row(`SSH signature verified: median of ${SIGNATURES}`, percentile(tookMs, 0.5), 'ms', 30),
      ];
    }),
};

/** The activity itself does nothing, so what is left is what stands in front of it. */
async function rowOf(change: SealedChange, name: Name, input: unknown, answer: unknown): Promise<Row> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all it looks at
  const { inbound } = createVouching(change.keys, change.policy)({ info: { activityType: name } } as Context);
  const activity: Execute = () => Promise.resolve(answer);
  const guarded: Execute = async (given) => inbound?.execute?.(given, activity);
  // by turns: what else the machine does slows down both
  const bare: number[] = [];
  const whole: number[] = [];
  for (let turn = -WARM_UP; turn < TIMES; turn += 1) {
    const [bareMs, wholeMs] = [await timeOf(activity, input), await timeOf(guarded, input)];
    if (turn < 0) continue;
    bare.push(bareMs);
    whole.push(wholeMs);
  }
  const addedMs = percentile(whole, 0.5) - percentile(bare, 0.5);
  return row(`authorize adds to ${name}: median of ${TIMES}`, addedMs, 'ms', 5);
}

/** Each time an input of its own, as each comes decoded from Temporal. */
async function timeOf(execute: Execute, input: unknown): Promise<number> {
  const given = { args: [structuredClone(input)], headers: {} };
  const startedAt = performance.now();
  await execute(given);
  return performance.now() - startedAt;
}
