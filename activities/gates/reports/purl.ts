/** Package URLs (`pkg:npm/%40scope/name@1.2.3?arch=x`), as far as exceptions need them. */
interface PackageUrl {
  type: string;
  /** Namespace and name. */
  name: string;
  version: string | null;
  qualifiers: Map<string, string>;
}

/**
 * Does `pattern` name this package? Without a version it means all of them; qualifiers it has must be the package's
 * too. Anything that is no package URL matches nothing.
 */
export function matchesPurl(pattern: string, purl: string): boolean {
  const [wanted, found] = [parsePurl(pattern), parsePurl(purl)];
  if (wanted === null || found === null) return false;
  if (wanted.type !== found.type || wanted.name !== found.name) return false;
  if (wanted.version !== null && wanted.version !== found.version) return false;
  return [...wanted.qualifiers].every(([key, value]) => found.qualifiers.get(key) === value);
}

export function isPurl(text: string): boolean {
  return parsePurl(text) !== null;
}

function parsePurl(text: string): PackageUrl | null {
  const match = /^pkg:\/{0,2}([A-Za-z][A-Za-z0-9.+-]*)\/([^@?#]+)(@[^?#]*)?(\?[^#]*)?(#.*)?$/.exec(text);
  if (match === null) return null;
  const [, type = '', path = '', version, query = ''] = match;
  try {
    const name = path.split('/').filter(Boolean).map(decodeURIComponent).join('/');
    return {
      type: type.toLowerCase(),
      name: type.toLowerCase() === 'pypi' ? name.toLowerCase().replaceAll(/[-_.]+/g, '-') : name,
      version: version === undefined ? null : decodeURIComponent(version.slice(1)),
      qualifiers: new Map(new URLSearchParams(query)),
    };
  } catch {
    return null;
  }
}
