/**
 * `npm start`: two releases to production, the worker killed in the middle of the second, a third that errs and is
 * undone. Everything on screen happened; the last line on stdout is JSON with the numbers of this run.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { ProgressStatus } from '../../../workflows/messages.js';
import {
  runSlipway,
  slipway,
  startWorker,
  watchUntil,
  type CommandOutput,
  type PromotionData,
  type WorkerProcess,
} from './commands.js';
import { endAtOnce } from './end-at-once.js';
import { startLoad, type Load } from './load.js';
import { inSigns, say, sayBelow } from './say.js';
import { setStage, type Stage } from './stage.js';

const FLAGS = ['--yes', '--ascii'];
const unknown = process.argv.slice(2).find((word) => !FLAGS.includes(word));
if (unknown !== undefined) {
  process.stderr.write(
    `npm start knows no ${unknown}; there is ${FLAGS.map((flag) => `-- ${flag}`).join(' and ')}\n`,
  );
  process.exit(2);
}
const attended = process.stdin.isTTY && process.stderr.isTTY && !process.argv.includes('--yes');
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-demo-'));
const ends: (() => Promise<void>)[] = [];
const stopping = new AbortController();
let numbers: Record<string, unknown> = { ok: false };
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt(signal));

/** The first ends everything in its order; a second Ctrl-C does not wait for that. */
function interrupt(signal: NodeJS.Signals): void {
  if (signal === 'SIGINT' && stopping.signal.aborted) {
    endAtOnce(folder);
    sayBelow('ended at once');
    writeSync(1, `${JSON.stringify(numbers)}\n`);
    process.exit(130);
  }
  if (!stopping.signal.aborted) sayBelow('ending it all …; Ctrl-C again ends it at once');
  stopping.abort();
}

/** Last started, first ended. */
async function end(): Promise<void> {
  for (let close = ends.pop(); close !== undefined; close = ends.pop()) await close();
  rmSync(folder, { recursive: true, force: true });
}

/** The story; resolves to the numbers it measured. */
async function tell(): Promise<Record<string, unknown>> {
  const stage = await setStage(folder, ends, stopping.signal);
  let worker = await startWorker(stage, ends);
  say(
    `✓ Temporal ${stage.uiUrl}   ✓ worker pid ${worker.pid}   ✓ shop ${stage.shopUrl}`,
    `over ${stage.ssh}`,
  );

  const tookMs = await release(stage, 'v1.0.0');
  say('$ slipway release v1.0.0 --to prod', `✓ live, ${(tookMs / 1000).toFixed(1)}s`);
  const load = startLoad(`${stage.shopUrl}/orders`, 200);
  ends.push(() => load.stop());
  say('load: 200 requests a second, until the end', failedSoFar(load));

  const second = await releaseWithApproval(stage, 'v2.0.0');
  const switched = await watchUntil(stage, ['prod'], (status) => stepIs(status, 'bake', 'running'));
  say(`✓ switch  ${noteOf(switched, 'switch')}`, failedSoFar(load));
  worker = await crash(stage, worker);
  const secondResult = expectState(await second.ended, 'v2.0.0', 'succeeded');
  const once = stage.deploys().filter((line) => line.startsWith('v2.0.0')).length === 1;
  if (!once) throw new Error('v2.0.0 was deployed twice');
  say('✓ v2.0.0 live, deployed once', failedSoFar(load));

  const third = await releaseWithApproval(stage, 'v3.0.0');
  say('  (v3.0.0 fails one order in ten)');
  const thirdEnd = await third.ended;
  const thirdResult = expectState(thirdEnd, 'v3.0.0', 'failed');
  const back = thirdResult.unwind.find(({ step }) => step === 'switch');
  say(`✗ ${thirdResult.failure?.what ?? 'failed'}`);
  say(`↶ traffic back on v2.0.0 in ${back?.tookMs ?? '?'} ms`, failedSoFar(load));
  if (load.failed() > 0) say(`✗ lost requests: ${reasonsOf(load)}`);
  if (thirdEnd.exit !== 3) throw new Error(`v3.0.0 was not wholly undone: ${explain(thirdEnd)}`);

  const numbers = {
    ok: load.failed() === 0,
    released: ['v1.0.0', 'v2.0.0'],
    undone: ['v3.0.0'],
    workerKills: 1,
    requests: load.requests(),
    failedRequests: load.failed(),
    applicationErrors: load.applicationErrors(),
    switchMs: secondResult.steps.find(({ name }) => name === 'switch')?.tookMs ?? null,
    backMs: back?.tookMs ?? null,
  };
  if (attended) await yourTurn(stage, worker);
  return numbers;
}

/** How long it took, in milliseconds. */
async function release(stage: Stage, version: string): Promise<number> {
  const startedAt = performance.now();
  const output = await runSlipway(stage, 'ci', ['release', version, '--to', 'prod']);
  if (output.exit !== 0) throw new Error(explain(output));
  return performance.now() - startedAt;
}

/** Starts it and says yes for you; `ended` is still to come. */
async function releaseWithApproval(
  stage: Stage,
  version: string,
): Promise<{ ended: Promise<CommandOutput> }> {
  say(`$ slipway release ${version} --to prod`, '▸ waits for you');
  const ended = runSlipway(stage, 'ci', ['release', version, '--to', 'prod']);
  ended.catch(() => undefined);
  const waiting = await watchUntilWaiting(stage);
  const digest = waiting.artifacts[0]?.digest.slice(0, 15) ?? '';
  if (!(await askYes(`       Approve ${version}, ${digest}…? [Y/n] (says yes in 15s) `)))
    throw new Error(`you did not approve ${version}`);
  const approval = await runSlipway(stage, 'you', ['approve', 'prod', '--yes']);
  if (approval.exit !== 0) throw new Error(explain(approval));
  say('$ slipway approve prod', '✓ signed');
  return { ended };
}

/** The release needs a moment before its promotion can be watched. */
async function watchUntilWaiting(stage: Stage): Promise<ProgressStatus> {
  for (;;) {
    try {
      return await watchUntil(stage, ['prod'], (status) => status.state === 'waiting');
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('ended before')) throw error;
    }
  }
}

async function crash(stage: Stage, worker: WorkerProcess): Promise<WorkerProcess> {
  await worker.kill('SIGKILL');
  say(`kill -9 ${worker.pid}, mid-bake. No worker. The shop answers.`);
  const next = await startWorker(stage, ends);
  say(`worker pid ${next.pid} goes on where the last one was`);
  return next;
}

function expectState(output: CommandOutput, version: string, state: string): PromotionData {
  const promotion = output.data?.promotions?.[0];
  if (promotion?.state !== state) throw new Error(`${version} should have ${state}: ${explain(output)}`);
  return promotion;
}

function explain({ exit, error }: CommandOutput): string {
  return error === null ? `exit ${exit}` : `${error.what}; ${error.wayOut} (exit ${exit})`;
}

function stepIs(status: ProgressStatus, step: string, state: string): boolean {
  return status.steps.some((one) => one.name === step && one.state === state);
}

function noteOf(status: ProgressStatus, step: string): string {
  return status.steps.find(({ name }) => name === step)?.note ?? '';
}

function failedSoFar(load: Load): string {
  return `${load.failed()} failed`;
}

function reasonsOf(load: Load): string {
  return [...load.failures()].map(([reason, count]) => `${count} × ${reason}`).join(', ');
}

/** Says yes by itself after 15 s, and at once when nobody is there. */
async function askYes(question: string): Promise<boolean> {
  if (!attended) return true;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), 15_000);
  try {
    const answer = await prompt.question(inSigns(question), {
      signal: AbortSignal.any([patience.signal, stopping.signal]),
    });
    return !answer.trim().toLowerCase().startsWith('n');
  } catch {
    stopping.signal.throwIfAborted();
    process.stderr.write('yes\n');
    return true;
  } finally {
    clearTimeout(timer);
    prompt.close();
  }
}

async function yourTurn(stage: Stage, worker: WorkerProcess): Promise<void> {
  say(`Your turn, in another terminal:`);
  sayBelow(
    `cd ${stage.repository}`,
    `export TEMPORAL_ADDRESS=${stage.temporalAddress}; alias slipway='node ${slipway}'`,
    `slipway status; slipway rollback prod; kill ${worker.pid}; open ${stage.uiUrl}`,
    'Ctrl-C ends it all.',
  );
  await once(stopping.signal, 'abort');
}

let exit = 1;
try {
  numbers = await tell();
  exit = numbers['ok'] === true ? 0 : 1;
} catch (error) {
  if (!stopping.signal.aborted) say(`✗ ${error instanceof Error ? error.message : String(error)}`);
} finally {
  await end();
}
process.stdout.write(`${JSON.stringify(numbers)}\n`);
process.exit(stopping.signal.aborted ? 130 : exit);
