/** Is the image that would be gone back to still in its registry? Asked by the worker, with the pipeline's own login. */
import { refused, whatOf } from '../failure.js';
import { createRegistry } from '../registry/registry-client.js';
import { digestOf, registryOf, repositoryOf, tagOf } from './image-reference.js';
import { placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';

/** `not-ours` = on another registry than the pipeline's, which is not asked; `silent` = it could not be asked. */
export type InRegistry = { state: 'there' | 'gone' | 'not-ours' } | { state: 'silent'; why: string };

/** By digest, or by tag where `image` names none. Never throws for a registry that is away. */
export async function lookInRegistry(context: PlatformContext, image: string): Promise<InRegistry> {
  const { registryLogin: credentials, insecureRegistries, signal } = context;
  if (credentials?.server !== registryOf(image)) return { state: 'not-ours' };
  const { findDigest } = createRegistry({ credentials, insecureRegistries, signal });
  try {
    const found = await findDigest(repositoryOf(image), digestOf(image) ?? tagOf(image));
    return { state: found === null ? 'gone' : 'there' };
  } catch (error) {
    signal.throwIfAborted();
    return { state: 'silent', why: whatOf(error) };
  }
}

/** A note, or Refused when the registry says that it has no such image; never for a registry that is away. */
export async function proveInRegistry(context: PlatformContext, image: string): Promise<string> {
  const registry = registryOf(image);
  const isTag = digestOf(image) === null;
  // nodes pull for themselves: by what the cluster knows, nobody can say that they still could
  const known = isTag
    ? `back to ${image}: a tag, and no pod says which digest it is`
    : `${image} is what its nodes pulled`;
  const found = await lookInRegistry(context, image);
  switch (found.state) {
    case 'not-ours':
      return known;
    case 'silent':
      return `${known}; ${registry} could not be asked for it: ${found.why}`;
    case 'there':
      return isTag ? `${known}; ${registry} has it` : `${image} is in ${registry}`;
    case 'gone':
      throw refused({
        what: `no way back: ${registry} has no image ${image}${isTag ? '' : ' any more'}`,
        where: placeOf(context),
        why: null,
        wayOut: 'push it again, or release what is to be gone back to',
      });
  }
}
