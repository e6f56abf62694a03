/**
 * lcov's tracefile. The format has no end mark: a file cut off between two records looks whole, one cut off anywhere
 * else does not.
 */
import { setImmediate } from 'node:timers/promises';
import { UnreadableReport, type ReportFacts } from './report.js';

const DATA = /^DA:(\d{1,10}),(-?\d+)(,.*)?$/;

/** Other work of the worker goes on between two slices. */
const SLICE_LINES = 50_000;

export async function readLcov(text: string): Promise<ReportFacts> {
  /** Source file → line → covered by any of the tests. */
  const files = new Map<string, Map<number, boolean>>();
  let lines: Map<number, boolean> | null = null;
  let isComplete = true;
  let number = 0;
  for (const line of eachLine(text)) {
    number += 1;
    if (number % SLICE_LINES === 0) await setImmediate();
    if (line === '' || line.startsWith('#')) continue;
    isComplete = line === 'end_of_record';
    if (isComplete) {
      if (lines === null) throw new UnreadableReport(`is no lcov: line ${number} ends what did not begin`);
      lines = null;
    } else if (line.startsWith('SF:')) {
      if (lines !== null)
        throw new UnreadableReport(`is no whole lcov: line ${number} begins before the end`);
      lines = files.get(line) ?? new Map<number, boolean>();
      files.set(line, lines);
    } else if (line.startsWith('DA:')) {
      const [, at, hits] = DATA.exec(line) ?? [];
      if (lines === null || at === undefined)
        throw new UnreadableReport(`is no lcov: line ${number} says nothing about a line of a file`);
      lines.set(Number(at), lines.get(Number(at)) === true || Number(hits) > 0);
    } else if (!/^[A-Z]{2,8}:/.test(line)) {
      throw new UnreadableReport(`is no lcov: line ${number} is none of its lines`);
    }
  }
  if (!isComplete) throw new UnreadableReport('ends in the middle of a record');
  return countLines([...files.values()]);
}

function countLines(files: Map<number, boolean>[]): ReportFacts {
  let [total, covered] = [0, 0];
  for (const lines of files) {
    total += lines.size;
    for (const isCovered of lines.values()) if (isCovered) covered += 1;
  }
  if (total === 0) throw new UnreadableReport('has no line in it: nothing was measured');
  return { about: 'coverage', percent: (covered * 100) / total, lines: total };
}

function* eachLine(text: string): Generator<string> {
  for (let at = 0; at < text.length;) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found;
    yield text.slice(at, end).trimEnd();
    at = end + 1;
  }
}
