/** Versions are tags: `v1.2.3`, `1.2.3`, `v1.2.3-beta.1`. */
import semver from 'semver';

interface Version {
  /** As people write it, with its `v`. */
  text: string;
  major: number;
  minor: number;
  patch: number;
  /** `beta.1`; empty for a stable version. */
  prerelease: string;
}

export type ParsedVersion =
  { ok: true; version: Version } | { ok: false; message: string; suggestion: string | null };

const FORM = 'vMAJOR.MINOR.PATCH, such as v1.2.3 or v1.2.3-beta.1';

/** Reads a tag as a version; a refusal says the form it should have and, where it can, the tag that was meant. */
export function parseVersion(tag: string): ParsedVersion {
  const parsed = semver.parse(tag);
  // semver trims and drops `=`; a tag must be exactly the version
  if (parsed === null || !/^v?[0-9]/.test(tag) || tag.trim() !== tag) {
    return {
      ok: false,
      message: `${tag} is not a version; a version is ${FORM}`,
      suggestion: suggestVersion(tag),
    };
  }
  return {
    ok: true,
    version: {
      text: tag,
      major: parsed.major,
      minor: parsed.minor,
      patch: parsed.patch,
      prerelease: parsed.prerelease.join('.'),
    },
  };
}

/** `v1.2` → `v1.2.0`, `release-1.2.3` → `v1.2.3`, `V1.02.3` → `v1.2.3`; null when there is no number in it. */
export function suggestVersion(tag: string): string | null {
  const match =
    /([0-9]{1,15})(?:\.([0-9]{1,15}))?(?:\.([0-9]{1,15}))?(?:-?((?:alpha|beta|rc|pre)[0-9A-Za-z.-]*))?/i.exec(
      tag,
    );
  if (match === null) return null;
  const [, major, minor, patch, prerelease] = match;
  const suffix = prerelease === undefined ? '' : `-${prerelease.toLowerCase()}`;
  const suggestion = `v${Number(major)}.${Number(minor ?? 0)}.${Number(patch ?? 0)}${suffix}`;
  return semver.valid(suggestion) === null || suggestion === tag ? null : suggestion;
}
