/** A command in a container of its own like those of a compose service, of the release's image, before any of them runs. */
import { runArgv } from './compose-commands.js';
import { imagesOfRelease } from './compose-model.js';
import { environmentOf, placeOfProject, requireProject } from './compose-project.js';
import { writeReleaseFile } from './compose-release-file.js';
import type { PlatformContext } from './platform.js';

/** `image` = what it is made from. null = the compose file has no such service. Throws BadInput where the files cannot be used. */
export async function prepareServiceRun(
  context: PlatformContext,
  service: string,
  { name, text, env }: { name: string | null; text: string; env: Record<string, string> },
): Promise<{ argv: string[]; env: Record<string, string>; image: string } | null> {
  const place = await placeOfProject(context);
  const model = await requireProject(context, place);
  const known = model.services[service];
  if (known === undefined) return null;
  const { images } = imagesOfRelease(model, context.target.artifacts);
  const file = await writeReleaseFile(context, place, model, images);
  const { folder, services } = place;
  const project = { name: model.name, folder, files: [file], services };
  const argv = runArgv(project, { service, name, names: Object.keys(env).sort(), text });
  return { argv, env: { ...environmentOf(context), ...env }, image: images[service] ?? known.image ?? '' };
}
