/** The compose file of one release as it was filled in, in a folder of ours: its containers are made from it, and name it. */
import { keptText, type ComposeModel } from './compose-model.js';
import { secretsOf, type ComposePlace } from './compose-project.js';
import type { PlatformContext } from './platform.js';

/** `images` by service. Answers its path. */
export async function writeReleaseFile(
  context: PlatformContext,
  { notes }: ComposePlace,
  model: ComposeModel,
  images: Record<string, string>,
): Promise<string> {
  const file = `${notes}/release-${context.target.token}.json`;
  const text = keptText(model, { images, secrets: secretsOf(context) });
  await context.host.writeFile(file, text, { mode: 0o600, fence: context.fence });
  return file;
}
