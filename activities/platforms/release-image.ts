/** Which of the release's images goes where another one runs today. */
import { refused } from '../failure.js';
import { placeOf } from './host-question.js';
import { pinnedImage, repositoryOf } from './image-reference.js';
import type { PlatformContext } from './platform.js';

/** The only one, or the one of the repository that runs there (`current`); null = none of them. */
export function findReleaseImage(context: PlatformContext, current: string): string | null {
  const images = imagesOf(context);
  const repository = repositoryOf(current);
  const found = images.length === 1 ? images[0] : images.find((image) => image.repository === repository);
  return found === undefined ? null : pinnedImage(found);
}

/** As `findReleaseImage`; `thing` is what messages call it. Throws Refused when there is none. */
export function requireReleaseImage(context: PlatformContext, thing: string, current: string): string {
  const found = findReleaseImage(context, current);
  if (found !== null) return found;
  const built = imagesOf(context).map(({ repository }) => repository);
  throw refused({
    what: `${thing} runs ${repositoryOf(current)}, and this release builds ${built.join(', ') || 'no image'}`,
    where: placeOf(context),
    why: null,
    wayOut: 'name one that runs one of them, or add the image under images:',
  });
}

function imagesOf(context: PlatformContext): PlatformContext['target']['artifacts'] {
  return context.target.artifacts.filter((artifact) => artifact.kind === 'image');
}
