/** Licences under the names people, package indexes and SPDX give them. */

/** The more special names first: a Lesser GPL is no GPL. */
const FAMILIES: readonly [RegExp, string][] = [
  [/\bagpl|affero/, 'agpl'],
  [/\blgpl|\blesser\b|\blibrary general\b/, 'lgpl'],
  [/\bgpl|\bgnu general public\b|\bgnu public\b/, 'gpl'],
  [/\bsspl|server side public/, 'sspl'],
  [/\bbusl|business source/, 'busl'],
  [/\beupl|european union public/, 'eupl'],
  [/\bcddl|common development and distribution/, 'cddl'],
  [/\bepl\b|eclipse public/, 'epl'],
  [/\bmpl|mozilla public/, 'mpl'],
  [/\bapache\b/, 'apache'],
  [/\bbsd\b/, 'bsd'],
];

interface Licence {
  family: string;
  /** null = not said: it may be any. */
  version: string | null;
}

/**
 * The forbidden licence a package is under, or null. `GPL-3.0` also means `GPL-3.0-or-later`, `GPLv3+` and
 * `GNU General Public License v3 (GPLv3)`, and a GPL without a version. Of several licences (`;`, `AND`) one is enough;
 * of a choice (`OR`) all must be forbidden.
 */
export function findForbidden(licence: string, forbidden: readonly string[]): string | null {
  for (const part of licence.split(';')) {
    const names = part.split(/ OR | AND /);
    const found = names.map((name) => forbidden.find((each) => isSame(name, each)) ?? null);
    const isChoice = part.includes(' OR ') && !part.includes(' AND ');
    const first = found.find((each) => each !== null) ?? null;
    if (first !== null && (!isChoice || !found.includes(null))) return first;
  }
  return null;
}

function isSame(name: string, forbidden: string): boolean {
  const [a, b] = [read(name), read(forbidden)];
  if (a.family !== b.family) return false;
  return a.version === null || b.version === null || a.version === b.version;
}

function read(name: string): Licence {
  const lower = name.toLowerCase();
  const family = FAMILIES.find(([pattern]) => pattern.test(lower))?.[1];
  if (family === undefined)
    return {
      family: lower
        .replaceAll(/\blicen[cs]e\b|[()]/g, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim(),
      version: null,
    };
  const [, major, minor = '0'] = /(\d+)(?:\.(\d+))?/.exec(lower) ?? [];
  return { family, version: major === undefined ? null : `${major}.${minor}` };
}
