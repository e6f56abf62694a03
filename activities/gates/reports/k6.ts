/** k6's summary, from `--summary-export` or from JSON.stringify(data) in handleSummary: its own thresholds decide. */
import { z } from 'zod';
import { readJson } from './json.js';
import { UnreadableReport, type ReportFacts } from './report.js';

const counts = {
  count: z.number().nullish(),
  passes: z.number().nullish(),
  fails: z.number().nullish(),
};
const metric = z.object({
  ...counts,
  values: z.object(counts).nullish(),
  thresholds: z.record(z.string(), z.union([z.boolean(), z.object({ ok: z.boolean() })])).nullish(),
});
const k6Summary = z.object({ metrics: z.record(z.string(), metric) });

type Metric = z.output<typeof metric>;

export function readK6(json: string): ReportFacts {
  const { metrics } = readJson(json, k6Summary, 'a k6 summary (--summary-export)');
  const { iterations } = metrics;
  if (((iterations?.values ?? iterations)?.count ?? 0) === 0)
    throw new UnreadableReport('has no finished iteration: nothing was measured');
  const thresholds = Object.entries(metrics).flatMap(([name, each]) =>
    Object.entries(each.thresholds ?? {}).map(([threshold, state]) => ({
      name: `${name}: ${threshold}`,
      // --summary-export says true when a threshold was crossed (grafana/k6#1498)
      isHeld: (typeof state === 'boolean' ? !state : state.ok) && wasMeasured(each),
    })),
  );
  if (thresholds.length === 0)
    throw new UnreadableReport('has no threshold in it: add thresholds to the script');
  const crossed = thresholds.filter(({ isHeld }) => !isHeld).map(({ name }) => name);
  return { about: 'thresholds', held: thresholds.length - crossed.length, crossed };
}

/** k6 lets every threshold of a rate hold that has no sample (grafana/k6#4283). */
function wasMeasured(metric: Metric): boolean {
  const { passes, fails } = metric.values ?? metric;
  return passes == null || fails == null || passes + fails > 0;
}
