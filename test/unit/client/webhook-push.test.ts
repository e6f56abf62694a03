/** What GitHub's real payloads mean. */
import { describe, expect, it } from 'vitest';
import type { TemporalLink } from '../../../client/connect.js';
import { createHintPromotions } from '../../../client/webhooks/hint-promotions.js';
import { readPush, type Push } from '../../../client/webhooks/read-push.js';
import { receiveDelivery, type Receiver } from '../../../client/webhooks/receive-delivery.js';
import { releaseOfPush, routesOf } from '../../../client/webhooks/release-of-push.js';
import { createSlots, TurnMissed } from '../../../client/webhooks/slots.js';
import { eventNames, GITHUB_NAME, payloadsOf, pushOf } from '../../support/webhooks.js';

const COMMIT = '6113728f27ae82c7b1a177c8d03f9e96e0adf246';
const ROUTE = {
  pipeline: 'hello',
  github: GITHUB_NAME,
  repositoryUrl: 'git@github.com:codertocat/hello-world.git',
  file: 'slipway.yaml',
};

function pushed(ref: string, more: Partial<Parameters<typeof pushOf>[0]> = {}): Push {
  const reading = readPush(pushOf({ ref, after: COMMIT, pushedAtMs: 1_557_933_657_000, ...more }));
  if (reading.kind !== 'push') throw new Error(JSON.stringify(reading));
  return reading.push;
}

function receiver(): Receiver {
  return { routes: [ROUTE], link: noTemporal(), slots: createSlots(1), hint: createHintPromotions() };
}

/** Fails the test when it is asked anything. */
function noTemporal(): TemporalLink {
  return new Proxy({} as TemporalLink, {
    get: () => {
      throw new Error('Temporal was asked');
    },
  });
}

describe('GitHub’s examples', () => {
  it('of pushes are read: the branch and the tag are releases, the deleted tags are not', () => {
    const readings = payloadsOf('push').map(readPush);
    expect(readings.map((reading) => reading.kind)).toEqual([
      ...['push', 'ignored', 'ignored', 'ignored', 'push', 'push', 'ignored'],
    ]);
    expect(readings.filter((reading) => reading.kind === 'push').map(({ push }) => push)).toEqual(
      [
        { kind: 'tag', name: 'simple-tag' },
        { kind: 'branch', name: 'master' },
        { kind: 'branch', name: 'master' },
      ].map((ref) => ({
        ...{ ref, commit: COMMIT, before: '0'.repeat(40), by: 'Codertocat' },
        ...{ repository: GITHUB_NAME, repositoryId: 186_853_002, pushedAtMs: 1_557_933_657_000 },
      })),
    );
    expect(readings.filter((reading) => reading.kind === 'ignored').map(({ why }) => why)).toEqual(
      Array(4).fill('the ref was deleted'),
    );
  });

  it.each(eventNames.filter((event) => event !== 'push'))('of %s start nothing', async (event) => {
    for (const body of payloadsOf(event)) {
      const answer = await receiveDelivery(receiver(), { id: 'one', event, body });
      expect(answer).toMatchObject({ outcome: 'ignored', releases: [] });
      expect(answer.status).toBe(event === 'ping' ? 200 : 202);
    }
  });

  it.each(eventNames)('of %s told as a push are no crash', (event) => {
    for (const body of payloadsOf(event)) expect(readPush(body)).toHaveProperty('kind');
  });
});

describe('a push', () => {
  it('of a branch is a release of its commit', () => {
    expect(releaseOfPush(pushed('refs/heads/main'), ROUTE, 'the-delivery')).toEqual({
      requestId: expect.stringMatching(/^6113728-[0-9a-f]{16}$/),
      pipeline: 'hello',
      repositoryUrl: ROUTE.repositoryUrl,
      file: 'slipway.yaml',
      ref: { kind: 'branch', name: 'main' },
      commit: COMMIT,
      version: '6113728',
      to: [],
      actor: { by: 'Codertocat', proof: 'unverified' },
      reason: 'pushed to GitHub, delivery the-delivery',
      trigger: 'push',
    });
  });

  it('of an annotated tag is a release of the commit, not of the tag object', () => {
    const payload = {
      ...pushOf({ ref: 'refs/tags/v1.4.0', after: 'a'.repeat(40) }),
      head_commit: { id: COMMIT },
    };
    const reading = readPush(payload);
    expect(reading).toMatchObject({ kind: 'push', push: { commit: COMMIT } });
    const request = reading.kind === 'push' ? releaseOfPush(reading.push, ROUTE, 'x') : null;
    expect(request).toMatchObject({ version: 'v1.4.0', ref: { kind: 'tag', name: 'v1.4.0' } });
    expect(readPush({ ...payload, head_commit: null })).toMatchObject({ kind: 'ignored' });
  });

  it('has one request id, whatever the delivery is called, and another when it is another push', () => {
    const id = (push: Push, delivery = 'one') => releaseOfPush(push, ROUTE, delivery).requestId;
    const first = pushed('refs/heads/main');
    expect(id(first, 'two')).toBe(id(first));
    const others = [
      pushed('refs/heads/other'),
      pushed('refs/tags/main'),
      pushed('refs/heads/main', { before: 'b'.repeat(40) }),
      pushed('refs/heads/main', { pushedAtMs: 1_557_933_700_000 }),
    ];
    expect(new Set([first, ...others].map((push) => id(push))).size).toBe(5);
    const timeless = { ...first, pushedAtMs: null };
    expect(id(timeless, 'one')).not.toBe(id(timeless, 'two'));
  });

  it.each(['$(reboot)', '`id`', "a'b", 'a;reboot', '名', '{tag}'])(
    'of branch %j keeps the name as data',
    (name) => {
      expect(releaseOfPush(pushed(`refs/heads/${name}`), ROUTE, 'x').ref).toEqual({ kind: 'branch', name });
    },
  );

  it.each([
    'refs/notes/commits',
    'refs/heads/',
    'refs/heads/-upload-pack',
    'refs/heads/a b',
    'refs/heads/a..b',
    'refs/heads/a\nb',
    'refs/heads/a\u202eb',
    'refs/tags/$(reboot)',
    'main',
    '',
  ])('of %j is ignored', (ref) => {
    expect(readPush(pushOf({ ref, after: COMMIT }))).toMatchObject({ kind: 'ignored', ref });
  });

  it.each([
    ['no object', null],
    ['a list', []],
    ['text', 'push'],
    ['no ref', { ...pushOf({ ref: 'refs/heads/main', after: COMMIT }), ref: undefined }],
    ['a ref that is a number', { ...pushOf({ ref: 'refs/heads/main', after: COMMIT }), ref: 7 }],
    ['a short commit', pushOf({ ref: 'refs/heads/main', after: 'abc' })],
    ['an option as commit', pushOf({ ref: 'refs/heads/main', after: '--upload-pack=touch' })],
    ['no repository', { ...pushOf({ ref: 'refs/heads/main', after: COMMIT }), repository: null }],
  ])('with %s is malformed', async (_, body) => {
    expect(readPush(body)).toMatchObject({ kind: 'malformed' });
    const answer = await receiveDelivery(receiver(), { id: 'x', event: 'push', body });
    expect(answer).toMatchObject({ status: 400, outcome: 'refused' });
  });

  it('to another repository, a fork among them, starts nothing', async () => {
    const payload = pushOf({ ref: 'refs/heads/main', after: COMMIT });
    const fork = { ...(payload['repository'] as object), full_name: 'mallory/Hello-World', fork: true };
    const answer = await receiveDelivery(receiver(), {
      id: 'x',
      event: 'push',
      body: { ...payload, repository: fork },
    });
    expect(answer).toMatchObject({ status: 202, outcome: 'ignored', repository: 'mallory/Hello-World' });
  });

  it('is of every pipeline of its repository, whatever its case', () => {
    const other = { ...ROUTE, pipeline: 'docs' };
    expect(routesOf([ROUTE, other], 'codertocat/hello-world')).toEqual([ROUTE, other]);
    expect(routesOf([ROUTE], 'Codertocat/Hello-World-2')).toEqual([]);
  });

  it('says who, in one line', () => {
    const payload = {
      ...pushOf({ ref: 'refs/heads/main', after: COMMIT }),
      sender: { login: 'a\nb\u001b[31m' },
    };
    expect(readPush(payload)).toMatchObject({ push: { by: 'a b' } });
    expect(readPush({ ...payload, sender: null, pusher: null })).toMatchObject({ push: { by: 'unknown' } });
  });
});

describe('slots', () => {
  it('let so many run at once, the others in line, and none too late', async () => {
    const slots = createSlots(2);
    const ran: number[] = [];
    const ends: (() => void)[] = [];
    const later = Date.now() + 3_600_000;
    const start = (which: number, endMs = later) =>
      slots.run(endMs, () => {
        ran.push(which);
        return new Promise<void>((resolve) => {
          ends.push(resolve);
        });
      });
    const first = [start(1), start(2)];
    const late = start(3, 0);
    const last = start(4);
    expect(ran).toEqual([1, 2]);
    ends[0]?.();
    await expect(late).rejects.toThrow(TurnMissed);
    await Promise.resolve();
    expect(ran).toEqual([1, 2, 4]);
    for (const end of ends) end();
    await Promise.all([...first, last]);
    await expect(slots.run(later, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    await expect(slots.run(later, () => Promise.resolve('and goes on'))).resolves.toBe('and goes on');
  });
});
