/** What a stack is made of besides services: networks, configs and secrets carry its label. Volumes are never touched. */
import type Docker from 'dockerode';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { refused } from '../failure.js';
import { callEngine, EngineError, isMissing } from './engine.js';
import { placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';
import { listStack, STACK_LABEL } from './swarm-service.js';

const KINDS = ['networks', 'configs', 'secrets'] as const;
const LOOK_EVERY_MS = 200;

const networksSchema = z.array(z.looseObject({ Id: z.string(), Name: z.string() }));
const specsSchema = z.array(z.looseObject({ ID: z.string(), Spec: z.looseObject({ Name: z.string() }) }));
const containersSchema = z.array(z.looseObject({ Id: z.string() }));

interface Thing {
  kind: (typeof KINDS)[number];
  id: string;
  name: string;
}

export async function listThings(docker: Docker, stack: string): Promise<Thing[]> {
  const query = { filters: JSON.stringify({ label: [`${STACK_LABEL}=${stack}`] }) };
  const things: Thing[] = [];
  for (const kind of KINDS) {
    const answer = await callEngine(docker, { method: 'GET', path: `/${kind}`, query });
    if (kind === 'networks')
      things.push(...networksSchema.parse(answer).map(({ Id: id, Name: name }) => ({ kind, id, name })));
    else things.push(...specsSchema.parse(answer).map(({ ID: id, Spec }) => ({ kind, id, name: Spec.Name })));
  }
  return things;
}

/** Removes all things of the stack but `keep` (`networks/name`), waiting for the tasks that still use them. */
export async function removeThings(
  context: PlatformContext,
  stack: string,
  keep: ReadonlySet<string>,
): Promise<void> {
  const docker = await context.host.docker();
  const deadline = performance.now() + context.target.plan.timeoutMs;
  for (;;) {
    const left = (await listThings(docker, stack)).filter((thing) => !keep.has(labelOf(thing)));
    if (left.length === 0) return;
    for (const thing of left) await removeThing(docker, thing);
    if (performance.now() > deadline) throw stillThere(context, stack, left.map(labelOf));
    context.progress(`${stack}: removing ${left.map(labelOf).join(', ')}`);
    await pause(LOOK_EVERY_MS, undefined, { signal: context.signal });
  }
}

export function labelOf({ kind, name }: Thing): string {
  return `${kind}/${name}`;
}

/** “In use” is an answer for later. */
async function removeThing(docker: Docker, { kind, id }: Thing): Promise<void> {
  try {
    await callEngine(docker, { method: 'DELETE', path: `/${kind}/${id}` });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
  }
}

/** All services and things of a stack, and the containers on this node gone. */
export async function removeStack(context: PlatformContext, stack: string): Promise<void> {
  const docker = await context.host.docker();
  for (const { ID: id } of await listStack(docker, stack)) await removeService(docker, id);
  const query = { filters: JSON.stringify({ label: [`${STACK_LABEL}=${stack}`] }) };
  const deadline = performance.now() + context.target.plan.timeoutMs;
  for (;;) {
    const running = containersSchema.parse(
      await callEngine(docker, { method: 'GET', path: '/containers/json', query }),
    );
    if (running.length === 0) break;
    if (performance.now() > deadline)
      throw stillThere(context, stack, [`${running.length} running containers`]);
    context.progress(`${stack}: ${running.length} containers still stopping`);
    await pause(LOOK_EVERY_MS, undefined, { signal: context.signal });
  }
  await removeThings(context, stack, new Set());
}

export async function removeService(docker: Docker, id: string): Promise<void> {
  try {
    await callEngine(docker, { method: 'DELETE', path: `/services/${id}` });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function stillThere(context: PlatformContext, stack: string, what: string[]): Error {
  return refused({
    what: `stack ${stack} is not gone yet: ${what.join(', ')}`,
    where: placeOf(context),
    why: null,
    wayOut: `see what holds it: docker stack ps ${stack}`,
  });
}
