/**
 * Can this engine get this image? Swarm's own answer is “No such image” for every cause; the engine is asked to look
 * at the registry itself, with the credentials it would use.
 */
import { z } from 'zod';
import { platformOf } from '../registry/platform-names.js';
import { callEngine, EngineError, isMissing, type RegistryAuth } from './engine.js';
import { registryOf } from './image-reference.js';
import { placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';
import { findCredentials, loginCommand, readHostLogin, usernameAt } from './registry-credentials.js';
import { refused } from '../failure.js';
import type { FailureDetails } from '../../workflows/failures.js';

export interface Variants {
  /** `linux/arm64`; empty = the registry does not say. */
  platforms: string[];
  /** An engine takes one of them, and nothing when its own is not there. */
  isIndex: boolean;
}

const distributionSchema = z.looseObject({
  Descriptor: z.looseObject({ mediaType: z.string().catch('') }),
  Platforms: z
    .array(
      z.looseObject({
        os: z.string().catch(''),
        architecture: z.string().catch(''),
        variant: z.string().catch(''),
      }),
    )
    .nullish(),
});

export type Availability =
  /** In the registry and allowed. */
  | { state: 'pullable'; auth: RegistryAuth | null; variants: Variants }
  | {
      state: 'login-missing' | 'login-refused' | 'no-such-image' | 'unreachable';
      auth: RegistryAuth | null;
      said: string;
    };

/** Asks the registry through the engine. Throws only when the engine cannot be asked. */
export async function askRegistry(context: PlatformContext, image: string): Promise<Availability> {
  const auth = await findCredentials(context, registryOf(image));
  try {
    const path = `/distribution/${image}/json`;
    const answer = await callEngine(await context.host.docker(), { method: 'GET', path, auth });
    return { state: 'pullable', auth, variants: readVariants(answer) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { state: nameRefusal(error.answer, auth !== null), auth, said: error.answer };
  }
}

function readVariants(answer: unknown): Variants {
  const { data } = distributionSchema.safeParse(answer);
  const platforms = (data?.Platforms ?? []).flatMap((each) => platformOf(each) ?? []);
  return { platforms, isIndex: /index|list/.test(data?.Descriptor.mediaType ?? '') };
}

/** What the registry's refusal means; `hasLogin`: were credentials sent? */
export function nameRefusal(
  said: string,
  hasLogin: boolean,
): 'login-missing' | 'login-refused' | 'no-such-image' | 'unreachable' {
  if (/unauthorized|authentication required|no basic auth|denied|forbidden|\b40[13]\b/i.test(said))
    return hasLogin ? 'login-refused' : 'login-missing';
  if (/manifest unknown|not found|name unknown|name invalid|no such image/i.test(said))
    return 'no-such-image';
  return 'unreachable';
}

/** Is the image in the engine's own store? */
export async function isOnHost(context: PlatformContext, image: string): Promise<boolean> {
  try {
    await callEngine(await context.host.docker(), { method: 'GET', path: `/images/${image}/json` });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

const imageSchema = z.looseObject({ RepoDigests: z.array(z.string()).nullish() });

/** `repository@sha256:…` of a local image that was named by tag; null when the engine knows no digest for it. */
export async function resolveDigest(context: PlatformContext, image: string): Promise<string | null> {
  try {
    const answer = await callEngine(await context.host.docker(), {
      method: 'GET',
      path: `/images/${image}/json`,
    });
    const digests = imageSchema.parse(answer).RepoDigests ?? [];
    return digests[0] ?? null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Throws Refused, naming the missing login where it is missing; an image that is here already needs no registry. */
export async function requireImage(context: PlatformContext, image: string): Promise<RegistryAuth | null> {
  const found = await askRegistry(context, image);
  if (found.state === 'pullable') return found.auth;
  if (found.state !== 'no-such-image' && (await isOnHost(context, image))) return found.auth;
  throw refused(await explainUnavailable(context, image, found));
}

export async function explainUnavailable(
  context: PlatformContext,
  image: string,
  found: Exclude<Availability, { state: 'pullable' }>,
): Promise<FailureDetails> {
  const registry = registryOf(image);
  const where = placeOf(context);
  const why = found.said;
  switch (found.state) {
    case 'login-missing':
    case 'login-refused': {
      const { user } = await readHostLogin(context);
      const own = context.registryLogin?.server === registry;
      return {
        what:
          found.state === 'login-missing'
            ? `no credentials for ${registry} for user ${user}`
            : `${registry} refuses the credentials of ${own ? 'the pipeline' : `user ${user}`} for ${image}`,
        where,
        why,
        wayOut: own
          ? `correct registry: in the pipeline file`
          : `run there as ${user}: ${loginCommand(registry, usernameAt(context, registry))} (docs/hosts.md#registry-login)`,
      };
    }
    case 'no-such-image':
      return {
        what: `${registry} has no image ${image}`,
        where,
        why,
        wayOut: 'build and push it again: the registry has lost it, or it was pushed elsewhere',
      };
    case 'unreachable':
      return {
        what: `the registry ${registry} cannot be reached from this host`,
        where,
        why,
        wayOut: `make ${registry} answer from there, then retry`,
      };
  }
}
