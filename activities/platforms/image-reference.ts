/** Reading image references: `registry.example.com:5000/team/app:1.2@sha256:…`. */
import type { BuiltArtifact } from '../../workflows/result.js';

/** Repository without tag and digest; `${…}` in the tag does not disturb. */
export function repositoryOf(image: string): string {
  const withoutDigest = image.split('@')[0] ?? image;
  const slash = withoutDigest.lastIndexOf('/');
  const colon = withoutDigest.indexOf(':', slash + 1);
  return colon === -1 ? withoutDigest : withoutDigest.slice(0, colon);
}

/** What a pull takes where no digest is named: `latest` when nothing is said. */
export function tagOf(image: string): string {
  const withoutDigest = image.split('@')[0] ?? image;
  return withoutDigest.slice(repositoryOf(image).length + 1) || 'latest';
}

/** `sha256:…`, or null when the reference names no digest. */
export function digestOf(image: string): string | null {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1] ?? null;
}

/** Registry a repository lives on; the Docker Hub has no host in its names. */
export function registryOf(image: string): string {
  const first = image.split('/')[0] ?? '';
  const isHost = image.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost');
  return isHost ? first : 'docker.io';
}

/** Always by digest: a tag may have moved, and newer clients do not resolve it. */
export function pinnedImage(artifact: BuiltArtifact): string {
  return `${artifact.repository}@${artifact.digest}`;
}

/** Do both references mean the same bytes? Tags beside a digest do not count. */
export function sameImage(one: string, other: string): boolean {
  const [digest, otherDigest] = [digestOf(one), digestOf(other)];
  if (digest === null || otherDigest === null) return one === other;
  return digest === otherDigest && canonical(one) === canonical(other);
}

/** Do both name the same repository, whatever tag or digest follows? */
export function sameRepository(one: string, other: string): boolean {
  return canonical(one) === canonical(other);
}

function canonical(image: string): string {
  const repository = repositoryOf(image).replace(/^(index\.)?docker\.io\//, '');
  return repository.includes('/') ? repository : `library/${repository}`;
}
