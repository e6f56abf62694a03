/** Where git may fetch from. */

/**
 * May git fetch from here? https, http, ssh, git, file, `user@host:path` or an absolute path. Not: options in disguise
 * (`--upload-pack=…`), transports that run programs (`ext::…`), hosts that ssh would read as an option.
 */
export function isRepositoryUrl(url: string): boolean {
  const known =
    /^(https?|ssh|git|file):\/\/[^\s]+$/.test(url) ||
    /^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!:)[^\s-][^\s]*$/.test(url) ||
    url.startsWith('/');
  const hidden = /^[a-z]+:\/\/([^/@]*@)?-/.test(url);
  return known && !hidden && !/\p{Cc}/u.test(url) && url.length <= 2000;
}

export const REPOSITORY_FORMS = 'https://…, ssh://…, user@host:path or an absolute path';

/** A password in an address would be kept in histories for months. */
export function hasPassword(url: string): boolean {
  return /^[a-z]+:\/\/[^/@]*:[^/@]+@/i.test(url);
}
