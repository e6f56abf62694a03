/** What an image pushed by a test says of itself, so that a release adopts it instead of building it. */
import { hashBuildInputs, LABEL } from '../../activities/build/build-command.js';
import { compilePlan, loadPipeline } from '../../pipeline/index.js';
import { givenCommit } from './given.js';

export interface AdoptableImage {
  /** The pipeline file's text, with one image in it. */
  text: string;
  environment: string;
  version: string;
  commit: string;
  /** Files of the commit that the pipeline file names. */
  files?: ReadonlyMap<string, string>;
}

export function adoptableLabels(image: AdoptableImage): Record<string, string> {
  const { text, environment, version, commit, files } = image;
  const loaded = loadPipeline(Buffer.from(text), 'slipway.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  const { artifacts } = compilePlan({
    file: loaded.file,
    files: new Map([['known_hosts', ''], ...(files ?? [])]),
    repository: { url: '/srv/web.git' },
    commit: givenCommit(),
    ref: { kind: 'tag', name: version },
    version,
    to: [environment],
    changedPaths: null,
  });
  const [artifact] = artifacts;
  if (artifact?.kind !== 'image') throw new Error('the plan has no image');
  return { [LABEL.revision]: commit, [LABEL.inputs]: hashBuildInputs(artifact) };
}
