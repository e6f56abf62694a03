/** The verdict on a service, from what the Engine says of it. */
import { describe, expect, test } from 'vitest';
import { homelessTasks, judgeService, type Look } from '../../../activities/platforms/swarm-judgement.js';
import type { Service, Task } from '../../../activities/platforms/swarm-service.js';

const NEW = `cr.io/app@sha256:${'b'.repeat(64)}`;
const OLD = `cr.io/app@sha256:${'a'.repeat(64)}`;
const STARTED = '2026-11-21T10:00:00.000000000Z';

function service(change: {
  image?: string;
  replicas?: number;
  status?: string;
  mode?: Service['Spec']['Mode'];
}): Service {
  const { image = NEW, replicas = 2, status, mode } = change;
  return {
    ID: 'id',
    Version: { Index: 1 },
    Spec: {
      Name: 'web',
      TaskTemplate: { ContainerSpec: { Image: image } },
      Mode: mode ?? { Replicated: { Replicas: replicas } },
    },
    UpdateStatus: status === undefined ? null : { State: status, StartedAt: STARTED, Message: 'said' },
  };
}

let ids = 0;
function task(
  state: string,
  change: { image?: string; wanted?: string; err?: string; at?: string } = {},
): Task {
  ids += 1;
  const { image = NEW, wanted = 'running', err, at = '2026-11-21T10:00:01.000000000Z' } = change;
  return {
    ID: `task-${ids}`,
    CreatedAt: at,
    DesiredState: wanted,
    Spec: { ContainerSpec: { Image: image } },
    Status: { State: state, ...(err === undefined ? {} : { Err: err }) },
  };
}

function judge(change: Parameters<typeof service>[0], tasks: Task[], look: Partial<Look> = {}): unknown {
  const judgement = judgeService({
    service: service(change),
    tasks,
    image: NEW,
    mayBeEmpty: false,
    stuck: new Set(),
    ...look,
  });
  return judgement.state === 'failed' ? judgement.cause : judgement.state;
}

const running = (image = NEW): Task => task('running', { image });
const crashed = (err = 'task: non-zero exit (1)'): Task => task('failed', { wanted: 'shutdown', err });

describe('on its way and there', () => {
  test.each<[string, unknown]>([
    ['all new ones run', judge({ status: 'completed' }, [running(), running()])],
    ['nothing had to be updated', judge({}, [running(), running()])],
    [
      'old ones that stopped do not count',
      judge({}, [running(), running(), task('shutdown', { image: OLD, wanted: 'shutdown' })]),
    ],
    [
      'an old failure of the same image does not count',
      judge({ status: 'completed' }, [
        running(),
        running(),
        task('failed', { wanted: 'shutdown', at: '2026-11-01T00:00:00.0Z' }),
      ]),
    ],
  ])('steady: %s', (_, verdict) => {
    expect(verdict).toBe('steady');
  });

  test.each<[string, unknown]>([
    ['one still starts', judge({ status: 'updating' }, [running(), task('starting')])],
    ['one old still runs', judge({ status: 'updating' }, [running(), running(OLD)])],
    ['too many run', judge({}, [running(), running(), running(OLD)])],
    ['Swarm still watches', judge({ status: 'updating' }, [running(), running()])],
    ['one crash is restarted', judge({}, [running(), crashed(), task('ready')])],
  ])('converging: %s', (_, verdict) => {
    expect(verdict).toBe('converging');
  });
});

describe('failed, by name', () => {
  test.each<[string, unknown, string]>([
    [
      'automatic rollback',
      judge({ image: OLD, status: 'rollback_completed' }, [running(OLD), crashed()]),
      'rolled-back',
    ],
    ['rollback in progress', judge({ image: OLD, status: 'rollback_started' }, []), 'rolled-back'],
    ["a stranger's image", judge({ image: OLD }, [running(OLD)]), 'overwritten'],
    ['paused, nobody knows why', judge({ status: 'paused' }, []), 'paused'],
    ['paused by a crash', judge({ status: 'paused' }, [crashed()]), 'exited'],
    [
      'paused by a health check',
      judge({ status: 'paused' }, [crashed('task: non-zero exit (143): dockerexec: unhealthy container')]),
      'unhealthy',
    ],
    [
      'paused by a start that fails',
      judge({ status: 'paused' }, [crashed('starting container failed: exec "nope": not found')]),
      'cannot-start',
    ],
    ['three crashes', judge({}, [crashed(), crashed(), crashed(), task('ready')]), 'exited'],
    ['a crash, and nothing restarts it', judge({ replicas: 1 }, [crashed()]), 'exited'],
    [
      'a container that ends with 0',
      judge({ replicas: 1 }, [task('complete', { wanted: 'shutdown' })]),
      'exited',
    ],
    [
      'no image',
      judge({}, [task('rejected', { wanted: 'shutdown', err: 'No such image: x' }), task('preparing')]),
      'image-unavailable',
    ],
    ['0 of 0', judge({ replicas: 0 }, []), 'no-replicas'],
  ])('%s', (_, verdict, cause) => {
    expect(verdict).toBe(cause);
  });

  test('without a node: only after a while, and by what is missing', () => {
    const poor = task('pending', { err: 'no suitable node (insufficient resources on 1 node)' });
    const unplaced = task('pending', {
      err: 'no suitable node (scheduling constraints not satisfied on 1 node)',
    });
    expect(homelessTasks([poor, unplaced, running()])).toEqual([poor, unplaced]);
    expect(judge({ status: 'updating' }, [poor, running()])).toBe('converging');
    expect(judge({ status: 'updating' }, [poor, running()], { stuck: new Set([poor.ID]) })).toBe(
      'no-resources',
    );
    expect(judge({ status: 'updating' }, [unplaced], { stuck: new Set([unplaced.ID]) })).toBe(
      'no-suitable-node',
    );
  });

  test('a task that waits for the port of one that is being stopped is not without a node', () => {
    const waits = task('pending', { err: 'no suitable node (host-mode port already in use on 1 node)' });
    const leaves = task('running', { image: OLD, wanted: 'shutdown' });
    const never = task('pending', { image: OLD, wanted: 'shutdown' });
    expect(homelessTasks([waits, leaves])).toEqual([]);
    expect(homelessTasks([waits, never, crashed()])).toEqual([waits]);
  });
});

test('a retired colour is meant to be empty', () => {
  expect(judge({ replicas: 0 }, [], { mayBeEmpty: true })).toBe('steady');
  expect(judge({ replicas: 0 }, [running()], { mayBeEmpty: true })).toBe('converging');
});

test('a job is there when it has ended well', () => {
  const mode = { ReplicatedJob: { TotalCompletions: 1 } };
  expect(judge({ mode }, [task('running', { wanted: 'complete' })])).toBe('converging');
  expect(judge({ mode }, [task('complete', { wanted: 'complete' })])).toBe('steady');
});
