/**
 * Conventional Commits 1.0 for one line: `type(scope)!: description`. A type is one word in lower case, as every tool
 * that reads them expects; https://www.conventionalcommits.org/en/v1.0.0/#specification points 1, 4, 5 and 13.
 */
const TITLE = /^[a-z][a-z0-9-]*(\([^()\s](?:[^()]*[^()\s])?\))?!?: \S/;

export function isConventionalTitle(title: string): boolean {
  return TITLE.test(title);
}
