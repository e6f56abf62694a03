/** The repository of all teams: its every tag is a release that is good, sick from the start, or errs under traffic. */
import type { TestRepository } from '../support/repository.js';

export type Quality = 'good' | 'sick' | 'errs';

/** One commit and its tag; gives the full sha. */
export type Commit = (version: string, quality: Quality, files: Record<string, string>) => Promise<string>;

/** One at a time: lanes share the work tree. */
export function createCommitter(repository: TestRepository): Commit {
  let last: Promise<unknown> = Promise.resolve();
  const write: Commit = async (version, quality, files) => {
    const sha = await repository.commit(`feat: ${version}, ${quality}`, files);
    await repository.git('tag', version);
    return sha;
  };
  return (version, quality, files) => {
    const written = last.then(() => write(version, quality, files));
    last = written.catch(() => undefined);
    return written;
  };
}
