/** What is built, and where it is pushed. */
import type { TextCompiler } from './compile-text.js';
import type { FilePath } from './file-error.js';
import type { PipelineFile } from './pipeline-file.js';
import type { ArtifactPlan, RegistryLogin } from './plan.js';

type ImageSettings = NonNullable<PipelineFile['image']>;
type RegistrySettings = NonNullable<PipelineFile['registry']>;

/** Name of the artifact of the single `image:` form. */
const SINGLE = 'app';

export function compileArtifacts(content: PipelineFile, texts: TextCompiler): ArtifactPlan[] {
  if (content.image !== undefined) return [compileArtifact(SINGLE, content.image, ['image'], texts)];
  return [...(content.images ?? [])].map(([name, image]) =>
    compileArtifact(name, image, ['images', name], texts),
  );
}

function compileArtifact(
  name: string,
  image: ImageSettings,
  path: FilePath,
  texts: TextCompiler,
): ArtifactPlan {
  if (image.kind === 'folder') return { kind: 'folder', name, folder: texts.text(image.folder, path) };
  const context = texts.optional(image.context, [...path, 'context']) ?? '.';
  return {
    kind: 'image',
    name,
    repository: image.repository,
    context,
    dockerfile: texts.optional(image.dockerfile, [...path, 'dockerfile']) ?? joinPath(context, 'Dockerfile'),
    target: texts.optional(image.target, [...path, 'target']),
    platforms: image.platforms ?? [],
    cache: image.cache ?? 'none',
    provenance: image.provenance ?? false,
    ...(image.sbom === undefined || image.sbom === false ? {} : { sbom: image.sbom }),
    buildArgs: Object.fromEntries(
      Object.entries(image['build-args'] ?? {}).map(([key, template]) => [
        key,
        texts.verbatim(template, [...path, 'build-args', key]),
      ]),
    ),
  };
}

function joinPath(folder: string, file: string): string {
  return folder === '.' ? file : `${folder.replace(/\/$/, '')}/${file}`;
}

export function compileRegistry(
  content: PipelineFile,
  registry: RegistrySettings | undefined,
  path: FilePath,
  texts: TextCompiler,
): RegistryLogin | null {
  if (registry === undefined) return null;
  return {
    server: registry.server ?? findServer(content),
    username: texts.text(registry.username, [...path, 'username']),
    password: texts.text(registry.password, [...path, 'password']),
  };
}

/** The first part of a repository is a host when it looks like one; otherwise the image is Docker Hub's. */
function findServer(content: PipelineFile): string {
  const images = content.image === undefined ? [...(content.images?.values() ?? [])] : [content.image];
  for (const image of images) {
    if (image.kind !== 'repository') continue;
    const [first = '', ...rest] = image.repository.split('/');
    return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
  }
  return 'docker.io';
}
