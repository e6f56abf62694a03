/**
 * `{logs: "ERROR|Traceback", max: 0}`: lines of the environment's own processes since the deploy of this change. Matched
 * by RE2 in linear time, since pattern and log are other people's; a log that cannot be read in full is never green.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { RE2JS } from 're2js';
import type { CheckPlan } from '../../pipeline/plan.js';
import { bounded } from './bounded.js';
import { failed, inconclusive, passed, type CheckContext, type CheckOnce } from './check.js';
import type { LogCount } from './log-count.js';

type LogsPlan = Extract<CheckPlan, { kind: 'logs' }>;

type PlaceCount = LogCount['places'][string];

const SHOWN_LINES = 3;
const SHOWN_CHARACTERS = 200;
/** Of one line; what a program writes into a log without an end is cut. */
const LINE_CHARACTERS = 16_384;
/** The worker heartbeats and steers other releases meanwhile. */
const LINES_AT_ONCE = 1_000;
const NOTHING: Omit<PlaceCount, 'cursor'> = { matches: 0, first: [] };

export const askLogsCheck: CheckOnce<LogsPlan> = async (plan, context) => {
  const deployedMsAgo = context.deployedMsAgo();
  if (deployedMsAgo === null) return inconclusive('there is no deploy yet since which lines would count');
  const before = context.logCounts.get(plan.name) ?? { places: {} };
  const reading = context.newLogs((place) => {
    const known = before.places[place];
    return known === undefined ? { agoMs: deployedMsAgo } : { cursor: known.cursor };
  });
  const read = await bounded(reading, {
    timeoutMs: plan.timeoutMs,
    signal: context.signal,
    onTimeout: () => null,
  });
  if (read === null) return inconclusive(`the log could not be read within ${plan.timeoutMs / 1000}s`);
  const pattern = RE2JS.compile(plan.pattern);
  const places: LogCount['places'] = { ...before.places };
  for (const { place, lines, cursor, repeats } of read) {
    const found = await findMatches(pattern, lines, context.secrets.scrub);
    const known = (repeats ? undefined : places[place]) ?? NOTHING;
    const first = [...known.first, ...found.first].slice(0, SHOWN_LINES);
    places[place] = { cursor, matches: known.matches + found.matches, first };
  }
  context.signal.throwIfAborted();
  context.logCounts.set(plan.name, { places });
  const missing = read.flatMap(({ place, missing: why }) => (why === null ? [] : [`${place}: ${why}`]));
  return judge(plan, places, missing.join('; '), context);
};

function judge(
  plan: LogsPlan,
  places: LogCount['places'],
  missing: string,
  { secrets }: CheckContext,
): ReturnType<typeof passed> {
  const counts = Object.entries(places);
  const matches = counts.reduce((sum, [, count]) => sum + count.matches, 0);
  const said = `${matches} ${matches === 1 ? 'line matches' : 'lines match'} ${plan.pattern}, at most ${plan.max}`;
  if (matches > plan.max) {
    const shown = counts.flatMap(([place, { first }]) => first.map((line) => `${place}: ${line}`));
    return failed([said, ...shown.slice(0, SHOWN_LINES)].join(' | '));
  }
  // what was not read may match
  return missing === '' ? passed(said) : inconclusive(secrets.scrub(missing).slice(0, 500));
}

async function findMatches(
  pattern: RE2JS,
  lines: readonly string[],
  scrub: (text: string) => string,
): Promise<Pick<PlaceCount, 'matches' | 'first'>> {
  const first: string[] = [];
  let matches = 0;
  for (const [index, line] of lines.entries()) {
    if (index % LINES_AT_ONCE === LINES_AT_ONCE - 1) await breathe();
    if (!pattern.test(line.slice(0, LINE_CHARACTERS))) continue;
    matches += 1;
    if (first.length < SHOWN_LINES) first.push(scrub(line).trim().slice(0, SHOWN_CHARACTERS));
  }
  return { matches, first };
}
