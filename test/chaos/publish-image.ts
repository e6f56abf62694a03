/** A release as an image: committed, tagged and pushed with the labels by which it is adopted instead of built. */
import { commitTag } from '../../activities/build/build-command.js';
import { adoptableLabels } from '../support/build-inputs.js';
import type { ImageContent, TestRegistry } from '../support/registry.js';
import type { Commit, Quality } from './committer.js';
import type { Publish } from './ground.js';

export interface ImageTeam {
  registry: TestRegistry;
  /** Of its image, in the registry. */
  image: string;
  /** Of its pipeline file in the repository, and what that says. */
  file: string;
  text: string;
  /** One that is in it. */
  environment: string;
  /** What else a commit has. */
  files: Record<string, string>;
  content?: (version: string, quality: Quality) => Promise<ImageContent>;
  /** Where the digest says what becomes of a release: another one is pushed until it is right. */
  isRight?: (digest: string, quality: Quality) => boolean;
  /** Told before anybody can release it. */
  pushed?: (digest: string, version: string, quality: Quality) => void;
}

export function createImagePublisher(commit: Commit, team: ImageTeam): Publish {
  const { registry, image, file, text, environment, files, isRight = () => true } = team;
  return async (version, quality) => {
    const sha = await commit(version, quality, { [file]: text, Dockerfile: 'FROM scratch\n', ...files });
    const given = { text, environment, version, commit: sha, files: new Map(Object.entries(files)) };
    const labels = adoptableLabels(given);
    const content = await team.content?.(version, quality);
    for (let salt = 0; ; salt += 1) {
      const salted = salt === 0 ? labels : { ...labels, salt: String(salt) };
      const digest = await registry.putImage(image, commitTag(sha), salted, content);
      if (!isRight(digest, quality)) continue;
      team.pushed?.(digest, version, quality);
      return sha;
    }
  };
}
