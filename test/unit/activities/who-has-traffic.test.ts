/** Whom the proxies of several hosts serve, before something is claimed or stopped. */
import { describe, expect, it } from 'vitest';
import { createTrafficQuestions } from '../../../activities/platforms/who-has-traffic.js';
import type { Colour } from '../../../pipeline/plan.js';
import type { Target } from '../../../workflows/activity-contract.js';
import { atEachProxy, atProxy, keepProxy, onHosts } from '../../../workflows/target-hosts.js';
import {
  givenCheck,
  givenPlanWithProxies,
  givenRecord,
  givenTarget,
  givenTraffic,
} from '../../support/given.js';

const HOSTS = ['web-1', 'web-2'];
const checks = [...HOSTS.map((host) => ({ ...givenCheck(), name: `up on ${host}`, host })), givenCheck()];
const plan = givenPlanWithProxies({ checks });

function given(change: Partial<Target> = {}): Target {
  return givenTarget(change.plan ?? plan, {
    colour: 'green',
    live: givenRecord(plan, 'v1', 'blue'),
    ...change,
  });
}

const { signal } = new AbortController();

/** What each proxy answers, by its host; null = nothing. `told` is what its configuration says. */
function questions(
  answers: Record<string, Colour | null>,
  told: Colour | null = null,
  sick: readonly string[] = [],
) {
  return createTrafficQuestions({
    whoIsServed: async ({ url }) => {
      const { hostname } = new URL(url);
      const colour = answers[hostname] ?? null;
      return { colour, answered: colour !== null, ...(sick.includes(hostname) ? { sick: true } : {}) };
    },
    configuredColour: async () => told,
  });
}

describe('a target with a proxy on each host', () => {
  it('is seen by each with its own host, address and checks', () => {
    const [first, second] = atEachProxy(given());
    expect(first?.plan.hosts).toEqual([{ name: 'web-1', address: 'deploy@web-1' }]);
    expect(first?.plan.traffic).toMatchObject({
      host: { name: 'web-1' },
      confirm: { url: 'http://web-1/' },
    });
    expect(first?.plan.traffic).not.toHaveProperty('proxies');
    expect(second?.plan.checks.map(({ name }) => name)).toEqual(['up on web-2', 'health']);
  });

  it('is the same where there is one', () => {
    const one = given({ plan: { ...plan, traffic: givenTraffic() } });
    expect(atEachProxy(one)).toEqual([one]);
    expect(atProxy(one, 'web-1')).toBe(one);
  });

  it('keeps them all when hosts are left out, so that the sealed plan can be seen', () => {
    const left = onHosts(given(), plan.hosts.slice(1));
    expect(left.plan.traffic).toEqual(plan.traffic);
    expect(keepProxy(givenTraffic(), plan.hosts)?.host).toMatchObject({ name: 'web-1' });
    expect(atEachProxy(left).map((each) => each.plan.hosts[0]?.name)).toEqual(['web-2']);
  });
});

describe('a first release', () => {
  const first = given({ live: null });

  it('does not land under whom any of them serves', async () => {
    expect(await questions({ 'web-1': null, 'web-2': 'blue' }).servedByOthers(first, signal)).toBe('blue');
    expect(await questions({}).servedByOthers(first, signal)).toBeNull();
  });

  it('is refused where they serve different colours, and says which', async () => {
    const both = questions({ 'web-1': 'green', 'web-2': 'blue' });
    await expect(both.servedByOthers(first, signal)).rejects.toThrow(
      'the proxies of the hosts serve different colours: web-1 green, web-2 blue',
    );
  });
});

describe('what a proxy leads to', () => {
  it('is what it answers, else what it is told, which nobody can see to be back', async () => {
    const asked = questions({ 'web-1': 'blue' }, 'green');
    expect(await asked.ledTo(given(), 'web-1', signal)).toEqual({ serving: 'blue' });
    expect(await asked.ledTo(given(), 'web-2', signal)).toEqual({ serving: 'green', mute: true });
    const sick = questions({ 'web-1': 'blue' }, 'blue', ['web-1']);
    expect(await sick.ledTo(given(), 'web-1', signal)).toEqual({ serving: 'blue', sick: true });
  });

  it('is not asked where one proxy is for all', async () => {
    const one = given({ plan: { ...plan, traffic: givenTraffic() } });
    expect(await questions({}).ledTo(one, 'web-1', signal)).toEqual({});
  });
});
