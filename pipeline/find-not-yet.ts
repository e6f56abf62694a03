/**
 * What a file may ask for besides its deploys that this version leaves undone. A release goes on without it, since
 * nothing that it does depends on it, and says so where it is planned, started and shown.
 */
import { formatPath, type FilePath } from './file-error.js';
import { findingsIn } from './findings-in-file.js';
import { settingsOf } from './environment-settings.js';
import type { LoadedFile } from './load-pipeline.js';
import type { NotYet } from './plan.js';

const OF_RELEASES = [
  ['version-files', 'write the version into them before the tag'],
  ['changelog', 'write it by hand'],
  ['github-release', 'make it by hand once the release is live'],
  ['publish', 'publish from CI once the release is live'],
  ['hotfix-branch', 'make the branch with the revert by hand'],
] as const;

/** In the order of the file; `environments` = those that are released to. */
export function findNotYet(file: LoadedFile, environments: readonly string[]): NotYet[] {
  const { content } = file;
  const found = findingsIn(file, (report) => {
    const say = (path: FilePath, meanwhile: string): void => report(formatPath(path), path, meanwhile);
    for (const [key, meanwhile] of OF_RELEASES)
      if (content.release?.[key] !== undefined) say(['release', key], meanwhile);
    for (const name of environments) {
      const of = settingsOf(content, name);
      if (typeof of.settings.retention === 'number') say(of.pathOf('retention'), 'every image is kept');
    }
    if ((content.notify ?? []).length > 0) say(['notify'], 'slipway watch and the Temporal UI tell');
  });
  return found.map(({ what, wayOut, line, column }) => ({
    ...{ what, meanwhile: wayOut },
    where: `${file.name}:${line}:${column}`,
  }));
}
