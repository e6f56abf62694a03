/**
 * Docker secrets cannot be changed, so each value gets a secret of its own, `name_<hash>`; a new value makes a new
 * one, and the services move to it with the deploy.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { callEngine, EngineError } from './engine.js';
import { ownerOf } from '../hosts/owner.js';
import type { PlatformContext } from './platform.js';
import { OWNER_LABEL } from './swarm-service.js';

const VERSION_LABEL = 'slipway.secret';

const listSchema = z.array(
  z.looseObject({
    ID: z.string(),
    Spec: z.looseObject({ Name: z.string(), Labels: z.record(z.string(), z.string()).nullish() }),
  }),
);

/** Name → name of the version that holds this value. */
export function versionedName(name: string, value: string): string {
  const hash = createHash('sha256').update(`${name}\0${value}`).digest('hex').slice(0, 12);
  // Docker allows 64 characters.
  return `${name.slice(0, 51)}_${hash}`;
}

/** Creates what is not there yet; returns the versioned name of each. */
export async function createSecrets(
  context: PlatformContext,
  values: Record<string, string>,
): Promise<Record<string, string>> {
  const names: Record<string, string> = {};
  if (Object.keys(values).length === 0) return names;
  const docker = await context.host.docker();
  const present = listSchema.parse(await callEngine(docker, { method: 'GET', path: '/secrets' }));
  for (const [name, value] of Object.entries(values)) {
    const versioned = versionedName(name, value);
    names[name] = versioned;
    if (present.some(({ Spec }) => Spec.Name === versioned)) continue;
    const body = {
      Name: versioned,
      Data: Buffer.from(value).toString('base64'),
      Labels: { [OWNER_LABEL]: ownerOf(context.fence), [VERSION_LABEL]: name },
    };
    try {
      await callEngine(docker, { method: 'POST', path: '/secrets/create', body });
    } catch (error) {
      // Another attempt of ours was faster.
      if (!(error instanceof EngineError && error.status === 409)) throw error;
    }
  }
  return names;
}

/** Takes away the versions of this environment that no service uses any more; Docker keeps those in use. */
export async function removeUnusedSecrets(context: PlatformContext): Promise<void> {
  const docker = await context.host.docker();
  const present = listSchema.parse(await callEngine(docker, { method: 'GET', path: '/secrets' }));
  for (const { ID: id, Spec } of present) {
    const isOurs = Spec.Labels?.[OWNER_LABEL] === ownerOf(context.fence);
    if (!isOurs || Spec.Labels?.[VERSION_LABEL] === undefined) continue;
    try {
      await callEngine(docker, { method: 'DELETE', path: `/secrets/${id}` });
    } catch (error) {
      // In use, which is an answer too.
      if (!(error instanceof EngineError)) throw error;
    }
  }
}
