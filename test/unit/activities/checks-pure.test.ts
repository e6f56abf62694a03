import { describe, expect, it } from 'vitest';
import {
  countSample,
  isBad,
  judgeSample,
  judgeTallies,
  judgeTally,
  NO_SAMPLES,
  type Tally,
} from '../../../activities/checks/bake-samples.js';
import { locateColour, readFirstServer } from '../../../activities/checks/colour-address.js';
import { buildBaselineQuery, readResponse } from '../../../activities/checks/prometheus.js';
import { combineVerdicts, describeOutcomes } from '../../../activities/checks/run-checks.js';
import type { BakePlan } from '../../../pipeline/plan.js';
import type { CheckOutcome } from '../../../workflows/activity-contract.js';
import { httpCheck } from '../../support/check-scene.js';
import { givenPlan, givenTraffic } from '../../support/given.js';

type Verdict = CheckOutcome['verdict'];

function outcomes(...verdicts: Verdict[]): CheckOutcome[] {
  return verdicts.map((verdict, index) => ({ check: `c${index}`, verdict, detail: `said ${verdict}` }));
}

describe('verdicts', () => {
  it.each<[Verdict, Verdict[]]>([
    ['passed', []],
    ['passed', ['passed', 'passed']],
    ['inconclusive', ['passed', 'inconclusive']],
    ['failed', ['inconclusive', 'failed', 'passed']],
  ])('%s comes of %j', (verdict, each) => {
    expect(combineVerdicts(outcomes(...each))).toBe(verdict);
  });

  it('are told by what is wrong', () => {
    expect(describeOutcomes(outcomes('passed', 'failed'))).toBe('c1: said failed');
    expect(describeOutcomes(outcomes('passed', 'passed'))).toBe('c0: said passed; c1: said passed');
  });
});

describe('the samples of a bake', () => {
  const check = httpCheck({ name: 'errors', url: 'http://shop.example.com/' });
  const bake: BakePlan = { forMs: 1_000_000, intervalMs: 10_000, failures: 3, checks: [check] };

  function tallyOf(verdicts: Verdict[]): Tally {
    return outcomes(...verdicts).reduce(countSample, NO_SAMPLES);
  }

  it.each<[Verdict, Verdict[]]>([
    ['passed', ['passed']],
    ['passed', ['failed', 'failed', 'passed']],
    ['passed', ['failed', 'failed', 'passed', 'failed', 'failed']],
    ['failed', ['passed', 'failed', 'failed', 'failed']],
    ['failed', ['failed', 'failed', 'inconclusive', 'failed']],
    ['inconclusive', []],
    ['inconclusive', ['inconclusive']],
    ['inconclusive', ['inconclusive', 'failed', 'inconclusive']],
    ['inconclusive', ['passed', 'inconclusive', 'inconclusive', 'inconclusive']],
    ['passed', ['inconclusive', 'inconclusive', 'inconclusive', 'passed']],
  ])('%s after %j, three in a row being too many', (verdict, samples) => {
    expect(judgeTally(check, tallyOf(samples), bake).verdict).toBe(verdict);
  });

  it('say how many could not be taken', () => {
    const tally = tallyOf(['passed', 'inconclusive', 'passed']);
    expect(judgeTally(check, tally, bake).detail).toBe(
      'said inconclusive; 2 of 3 samples good, 1 unanswered',
    );
  });

  it('fail as a whole when one check does', () => {
    const tallies = new Map([
      ['health', tallyOf(['passed'])],
      ['errors', tallyOf(['failed'])],
    ]);
    const checks = [httpCheck({ name: 'health', url: 'http://shop.example.com/' }), check];
    expect(judgeTallies(tallies, { ...bake, failures: 1, checks })).toMatchObject({
      verdict: 'failed',
      outcomes: [
        { check: 'health', verdict: 'passed' },
        { check: 'errors', verdict: 'failed' },
      ],
    });
  });
});

describe('how many samples of a bake may be bad', () => {
  const check = httpCheck({ name: 'errors', url: 'http://shop.example.com/' });
  // a hundred samples
  const bake: BakePlan = {
    ...{ forMs: 1_000_000, intervalMs: 10_000, failures: 3, checks: [check] },
    maxErrors: 0.02,
  };
  const tally = (good: number, bad: number): Tally => ({ ...NO_SAMPLES, good, bad, detail: 'HTTP 500' });

  it('is known before its end', () => {
    expect(isBad(tally(5, 2), bake)).toBe(false);
    expect(isBad(tally(5, 3), bake)).toBe(true);
    const { maxErrors: _, ...anyShare } = bake;
    expect(isBad(tally(5, 3), anyShare)).toBe(false);
  });

  it.each([
    ['passed', 98, 2],
    ['failed', 97, 3],
    // many could not be asked: the share is of those that were
    ['failed', 40, 2],
    ['passed', 50, 1],
  ])('%s with %i good ones and %i bad', (verdict, good, bad) => {
    const judged = judgeTally(check, tally(good, bad), bake);
    expect(judged.verdict).toBe(verdict);
    if (verdict === 'failed')
      expect(judged.detail).toContain(`${bad} of ${good + bad} samples bad, at most 2 %`);
  });

  it('is none with 0 %', () => {
    expect(isBad(tally(0, 1), { ...bake, maxErrors: 0 })).toBe(true);
  });
});

describe('how fast a bake wants answers', () => {
  const check = httpCheck({ name: 'health', url: 'http://shop.example.com/', withinMs: 500 });
  const bake: BakePlan = { forMs: 1_000, intervalMs: 10, failures: 3, checks: [check] };

  function sample(tookMs: number[], of = check): { tally: Tally; last: Verdict } {
    let tally = NO_SAMPLES;
    let last: Verdict = 'passed';
    for (const took of tookMs) {
      const outcome: CheckOutcome = { check: 'health', verdict: 'passed', detail: 'HTTP 200', tookMs: took };
      const judged = judgeSample(of, tally, outcome);
      expect(judged.outcome).not.toHaveProperty('tookMs');
      tally = countSample(judged.tally, judged.outcome);
      last = judged.outcome.verdict;
    }
    return { tally, last };
  }
  const quick = (count: number): number[] => Array<number>(count).fill(40);

  it('is the 95th percentile: one slow answer of twenty is forgiven, two are a bad sample', () => {
    expect(sample([...quick(19), 900]).last).toBe('passed');
    expect(sample([...quick(18), 900, 900]).last).toBe('failed');
    expect(judgeTally(check, sample([...quick(19), 900]).tally, bake).verdict).toBe('passed');
  });

  it('waits for twenty answers, and judges fewer at the end', () => {
    const { last, tally } = sample([...quick(3), 900]);
    expect(last).toBe('passed');
    expect(judgeTally(check, tally, bake)).toMatchObject({
      verdict: 'failed',
      detail: '95 % of 4 answers within 900ms, at most 500ms',
    });
  });

  it('remembers a hundred answers and no more', () => {
    const { tally, last } = sample([...Array<number>(500).fill(900), ...quick(100)]);
    expect(tally.tookMs).toHaveLength(100);
    expect(last).toBe('passed');
  });

  it('remembers nothing where the check does not say', () => {
    const { withinMs: _, ...plain } = check;
    expect(sample([...quick(18), 900, 900], plain).tally.tookMs).toEqual([]);
  });
});

describe('where a colour answers', () => {
  const plan = givenPlan({ url: 'https://shop.example.com', traffic: givenTraffic() });
  const own = 'http://[::1]:8082/app/';

  it('is its own address with the path of the check, seen from the proxy’s host', () => {
    const found = locateColour(plan, 'https://shop.example.com/health?deep=1', 'green', own);
    expect(found.url.href).toBe('http://[::1]:8082/app/health?deep=1');
    expect(found).toMatchObject({ hostHeader: 'shop.example.com', fromProxyHost: true });
  });

  it('is what {colour} says, seen from the worker', () => {
    const found = locateColour(plan, 'https://{colour}.example.com/health', 'blue', own);
    expect(found.url.href).toBe('https://blue.example.com/health');
    expect(found).toMatchObject({ hostHeader: null, fromProxyHost: false });
  });

  it('does not touch addresses of others', () => {
    const found = locateColour(plan, 'https://payments.example.com/status', 'blue', null);
    expect(found.url.href).toBe('https://payments.example.com/status');
    expect(found.fromProxyHost).toBe(false);
  });

  it('is refused when nothing tells the colours apart', () => {
    expect(() => locateColour(plan, 'https://shop.example.com/health', 'blue', null)).toThrow(
      /nothing says where blue answers.*colours: \{blue/,
    );
  });

  it.each([
    ['upstream shop {\n  # server 1.1.1.1:1;\n  server 127.0.0.1:8081 weight=2;\n}', '127.0.0.1:8081'],
    ['upstream shop { server [::1]:8081; server 127.0.0.1:8082; }', '[::1]:8081'],
    ['upstream shop { server unix:/run/shop.sock; }', null],
    ['server { listen 80; }', null],
    ['', null],
  ])('is the first server of %j', (text, address) => {
    expect(readFirstServer(text)).toBe(address);
  });
});

describe('an answer of Prometheus', () => {
  const vector = (...values: string[]): string =>
    JSON.stringify({
      status: 'success',
      data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1, value] })) },
    });

  it('is one number', () => {
    expect(readResponse(200, vector('0.25'), 'prom')).toEqual({ value: 0.25 });
    const scalar = JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [1, '3'] } });
    expect(readResponse(200, scalar, 'prom')).toEqual({ value: 3 });
  });

  it.each([
    ['no series', vector(), /no data/],
    ['several series', vector('1', '2'), /2 series/],
    ['NaN', vector('NaN'), /NaN/],
    ['infinity', vector('+Inf'), /Inf/],
    ['an empty value', vector(''), /the value is/],
    ['an error', '{"status":"error","error":"parse error"}', /parse error/],
    ['a login page', '<html>Sign in</html>', /not an answer of Prometheus/],
    [
      'a range',
      '{"status":"success","data":{"resultType":"matrix","result":[]}}',
      /not an answer of Prometheus/,
    ],
    ['JSON of something else', '[]', /not an answer of Prometheus/],
  ])('is no number with %s', (_, body, why) => {
    expect(readResponse(200, body, 'prom')).toEqual({ unreadable: expect.stringMatching(why) as string });
  });

  it('is asked for the mean by its own clock', () => {
    expect(buildBaselineQuery('rate(x[1m]) # errors', 1_800_000)).toBe(
      'avg_over_time(((rate(x[1m]) # errors\n) >= -Inf)[1800000ms:18000ms])',
    );
  });
});
