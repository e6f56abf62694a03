/** Is the image that would be gone back to still in its registry? Asked by the worker, with the pipeline's own login. */
import { refused } from '../failure.js';
import { createRegistry } from '../registry/registry-client.js';
import { digestOf, registryOf, repositoryOf } from './image-reference.js';
import { placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';

/** `image` is by digest. A note, or Refused when the registry says that it has no such image; never for a registry that is away. */
export async function proveInRegistry(context: PlatformContext, image: string): Promise<string> {
  const { registryLogin, signal } = context;
  const registry = registryOf(image);
  if (registryLogin?.server !== registry) return `${image} is what its nodes pulled`;
  const { findDigest } = createRegistry({ credentials: registryLogin, signal });
  let found: string | null;
  try {
    found = await findDigest(repositoryOf(image), digestOf(image) ?? '');
  } catch {
    signal.throwIfAborted();
    return `${image} is what its nodes pulled; ${registry} could not be asked for it`;
  }
  if (found !== null) return `${image} is in ${registry}`;
  throw refused({
    what: `no way back: ${registry} has no image ${image} any more`,
    where: placeOf(context),
    why: null,
    wayOut: 'push it again, or release what is to be gone back to',
  });
}
