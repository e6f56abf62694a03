/** Names of branches and tags: what git takes, without what would fool git or a reader. */

/**
 * The rules of git-check-ref-format for a branch or tag without `refs/…`, and nothing that cannot be seen (controls,
 * marks that reorder text): shell signs, letters of any script and quotes are names like any other.
 */
export function isRefName(name: string): boolean {
  if (name === '' || name === '@' || Buffer.byteLength(name) > 255) return false;
  if (name.startsWith('-') || name.startsWith('/') || name.endsWith('/') || name.endsWith('.')) return false;
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Z}~^:?*[\\]/u.test(name)) return false;
  if (name.includes('..') || name.includes('//') || name.includes('@{')) return false;
  return name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));
}

/** A tag is the version too: it becomes ids, image tags and words of commands. */
export function isVersionName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._/+=@,-]{0,99}$/.test(name) && isRefName(name);
}
