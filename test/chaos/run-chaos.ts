/** Releases back to back while everything they stand on is killed; whole again, one truth must be left. */
import { once } from 'node:events';
import { SlipwayClient } from '../../client/release-client.js';
import { processesWith } from '../support/processes.js';
import { startDisturbing } from './disturb.js';
import { GROUNDS, type PlatformName } from './grounds.js';
import { createRandom } from './random.js';
import { runOne, untilAllEnded, untilIdle, type Lane, type LaneReport } from './release-lane.js';
import { setStage, type Stage } from './stage.js';
import { findWrongs } from './verdict.js';

export interface ChaosOptions {
  platform: PlatformName;
  changes: number;
  seed: number;
  say: (text: string) => void;
  /** Aborted: the releases under way end, all is looked at, and that is it. */
  signal?: AbortSignal;
  /** Aborted: nothing is waited for or judged, all that was started is ended. */
  abandon?: AbortSignal;
}

export interface ChaosResult {
  ok: boolean;
  platform: PlatformName;
  seed: number;
  changes: number;
  /** Changes per environment. */
  lanes: Record<string, number>;
  fates: Record<string, number>;
  ends: Record<string, number>;
  disturbances: Record<string, number>;
  retriesByAPerson: number;
  checks: number;
  wrongs: string[];
  tookMs: number;
  /** Logs of a run that went wrong; null when all was well. */
  folder: string | null;
}

/** All is mended and looked at after this many changes, so that a wrong is found near its cause. */
const LOOK_EVERY = 10;

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const startedAt = performance.now();
  const stage = await setStage(GROUNDS[options.platform]);
  const report: LaneReport = { stories: [], retries: 0 };
  const wrongs: string[] = [];
  let disturbances: Record<string, number> = {};
  let checks = 0;
  try {
    const connect = (pipeline: string): Promise<SlipwayClient> =>
      SlipwayClient.connect({
        pipeline,
        by: 'chaos',
        env: { TEMPORAL_ADDRESS: stage.temporalAddress },
        answerMs: 3000,
      });
    const clients = await Promise.all(stage.lanes.map(({ pipeline }) => connect(pipeline)));
    const random = createRandom(options.seed);
    const broken = new AbortController();
    const isLost = AbortSignal.any([
      broken.signal,
      ...(options.abandon === undefined ? [] : [options.abandon]),
    ]);
    isLost.throwIfAborted();
    const disturber = startDisturbing(stage, random.branch('disturb'), options.say, (error) =>
      broken.abort(error),
    );
    disturbances = disturber.counts;
    const lanes = stage.lanes.flatMap((ground, index): Lane[] => {
      const [{ environment }, client] = [ground, clients[index]];
      if (client === undefined) return [];
      const common = { environment, repositoryUrl: stage.repository.folder, say: options.say };
      return [
        { ...common, ground, client, calm: disturber.pause, isLost, random: random.branch(environment) },
      ];
    });
    const versions = nextVersions();
    try {
      const isOver = (): boolean => wrongs.length > 0 || options.signal?.aborted === true;
      for (let done = 0; done < options.changes && !isOver(); done += LOOK_EVERY) {
        let left = Math.min(LOOK_EVERY, options.changes - done);
        const release = async (lane: Lane): Promise<void> => {
          while (left > 0 && !isOver()) {
            left -= 1;
            await runOne(lane, versions(), report);
          }
        };
        const round = async (): Promise<string[]> => {
          await Promise.all(lanes.map(release));
          const goOn = await disturber.pause();
          isLost.throwIfAborted();
          for (const lane of lanes) {
            await untilAllEnded(lane, report);
            await untilIdle(lane, report);
          }
          const found = await findWrongs(stage, lanes, report.stories);
          goOn();
          return found;
        };
        wrongs.push(...(await Promise.race([round(), whenAborted(isLost)])));
        checks += 1;
        options.say(
          `— ${report.stories.length} changes, ${wrongs.length === 0 ? 'one truth' : wrongs.join('; ')}`,
        );
      }
      if (!report.stories.some(({ end }) => end?.state === 'succeeded'))
        wrongs.push('not one release came through');
    } finally {
      await disturber.stop();
      // lanes that were left alone may still be asking
      if (!isLost.aborted) for (const client of clients) await client.close();
    }
  } catch (error) {
    wrongs.push(explain(error));
  }
  const keep = wrongs.length > 0 && options.abandon?.aborted !== true;
  wrongs.push(...(await strike(stage, keep)));
  return {
    ok: wrongs.length === 0,
    platform: options.platform,
    seed: options.seed,
    changes: report.stories.length,
    lanes: countBy(report.stories.map(({ environment }) => environment)),
    fates: countBy(report.stories.map(({ fate }) => fate)),
    ends: countBy(report.stories.map(({ end }) => end?.state ?? 'unknown')),
    disturbances,
    retriesByAPerson: report.retries,
    checks,
    wrongs,
    tookMs: Math.round(performance.now() - startedAt),
    folder: keep ? stage.folder : null,
  };
}

/** Everything we started names one of our folders on its command line. */
async function strike(stage: Stage, keep: boolean): Promise<string[]> {
  const left: string[] = [];
  await stage.strike(keep).catch((error: unknown) => left.push(explain(error)));
  left.push(...(await stage.findLeftovers()));
  for (const place of [stage.folder, ...stage.marks])
    for (const pid of await processesWith(place)) left.push(`process ${pid} of ${place} is left over`);
  return left;
}

async function whenAborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

function nextVersions(): () => string {
  let count = 0;
  return () => `v1.0.${(count += 1)}`;
}

function countBy(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error.cause ?? []].flat();
  return `${error.message}${errors.map((each) => ` (${explain(each)})`).join('')}`;
}
