/** Waits until every container of the wanted services is well; fails as soon as it is clear that it will not be. */
import type Docker from 'dockerode';
import { foreignHand, refused } from '../failure.js';
import { listProject, type ComposeContainer } from './compose-containers.js';
import { judgeProject, type Cause, type Judgement } from './compose-judgement.js';
import type { Wanted } from './compose-model.js';
import { FirstSights, lookUntilSteady } from './convergence.js';
import { placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';
import { readEvidence } from './service-logs.js';

/** How long a container without a health check has to run, the same one and not restarted, to be believed. */
export const STABLE_FOR_MS = 5_000;

export interface Awaiting {
  project: string;
  wanted: Wanted[];
  /** Restarts of the containers that were there before. */
  restartsBefore: ReadonlyMap<string, number>;
  /** Of `performance.now()`. */
  deadline: number;
}

/** Resolves with a note; throws Refused with the cause by name, ForeignHand where somebody else changed it meanwhile. */
export async function awaitProject(context: PlatformContext, awaiting: Awaiting): Promise<string> {
  const { project, wanted, restartsBefore, deadline } = awaiting;
  const docker = await context.host.docker();
  const sights = new FirstSights();
  return await lookUntilSteady(context, {
    deadline,
    look: async () => {
      const containers = await listProject(docker, project);
      const judgement = judgeProject({ containers, wanted, restartsBefore });
      if (judgement.state === 'failed') throw await explain(context, docker, judgement);
      if (judgement.state === 'starting')
        return { note: judgement.note, steady: false, slow: judgement.slow };
      // what this change did not touch has proven itself long ago
      const fresh = judgement.unproven.filter(({ id }) => !restartsBefore.has(id));
      const states = fresh.map(({ id, restarts }) => `${id} ${restarts}`);
      sights.see(states);
      const stable = sights.olderThan(STABLE_FOR_MS);
      return {
        note: judgement.note,
        steady: states.every((state) => stable.has(state)),
        slow: fresh[0] ?? null,
      };
    },
    timedOut: ({ note, slow }) => {
      const seconds = Math.round(context.target.plan.timeoutMs / 1000);
      const state = slow === null ? '' : `; ${slow.name} is ${slow.health ?? slow.state}`;
      const detail = `${note} after ${seconds} s${state}`;
      const service = slow?.service ?? wanted[0]?.service ?? project;
      return explain(context, docker, {
        state: 'failed',
        cause: 'timeout',
        service,
        detail,
        container: slow,
      });
    },
  });
}

type Failed = Extract<Judgement, { state: 'failed' }>;

async function explain(
  context: PlatformContext,
  docker: Docker,
  { cause, service, detail, container }: Failed,
): Promise<Error> {
  const { what, wayOut } = SENTENCES[cause];
  const details = {
    what: `service ${service}: ${what} (${detail})`,
    where: placeOf(context),
    wayOut: wayOut.replaceAll('CONTAINER', container?.name ?? service),
  };
  if (cause === 'vanished' || cause === 'overwritten') return foreignHand({ ...details, why: null });
  return refused({
    ...details,
    why: container === null ? null : await evidenceOf(context, docker, container),
  });
}

/** What its health check said last, and the end of its log; null = it left nothing. */
export async function evidenceOf(
  context: PlatformContext,
  docker: Docker,
  { id }: Pick<ComposeContainer, 'id'>,
): Promise<string | null> {
  const of = { container: id, logsOf: `containers/${id}` };
  const { text } = await readEvidence(docker, of, context.target.plan.logTail);
  return text === '' ? null : text;
}

const SENTENCES: Record<Cause, { what: string; wayOut: string }> = {
  vanished: {
    what: 'its containers were removed while this release waited for them',
    wayOut: 'find out who removed them (docker events), then release again',
  },
  overwritten: {
    what: 'somebody else changed the image while this release waited',
    wayOut: 'find out who deployed by hand, then release again',
  },
  exited: {
    what: 'its container ended, and compose would call that started',
    wayOut:
      'the log says why; a task that is meant to end needs a service that waits for it with service_completed_successfully',
  },
  'out-of-memory': {
    what: 'its container was killed for want of memory',
    wayOut: 'raise its memory limit (mem_limit, deploy.resources), or make it need less',
  },
  restarting: {
    what: 'its container ends and is started again, over and over',
    wayOut: 'the log says why: docker logs CONTAINER',
  },
  unhealthy: {
    what: 'its health check fails',
    wayOut: 'correct what the health check says; a slow start needs a longer start_period in its healthcheck',
  },
  'cannot-start': {
    what: 'its container cannot be started',
    wayOut: 'correct the command, mount, port or network that is named',
  },
  timeout: {
    what: 'it was not well in time',
    wayOut: 'give the environment a longer timeout:, or make the start faster',
  },
};
