/** Names that come from people and repositories, checked before git sees them. */
import type { ReleaseRef } from '../../pipeline/plan.js';
import { badInput } from '../failure.js';

const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** A full object id, lower case. */
export function isCommitId(text: string): boolean {
  return COMMIT.test(text);
}

/** Throws BadInput for anything but a full sha: short ones may mean another commit tomorrow. */
export function checkCommitId(text: string): string {
  if (isCommitId(text)) return text;
  throw badInput({
    what: `${JSON.stringify(text)} is not a full commit id`,
    where: 'commit',
    why: null,
    wayOut: 'give all 40 hexadecimal digits, as git rev-parse prints them',
  });
}

/** The rules of git-check-ref-format, for a branch or tag without `refs/…`. */
export function isRefName(name: string): boolean {
  if (name === '' || name === '@' || name.length > 255) return false;
  if (name.startsWith('-') || name.startsWith('/') || name.endsWith('/') || name.endsWith('.')) return false;
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u0020\u007f~^:?*[\\]/.test(name)) return false;
  if (name.includes('..') || name.includes('//') || name.includes('@{')) return false;
  return name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));
}

/** `refs/heads/…` or `refs/tags/…`; throws BadInput for a name git itself would not create. */
export function fullRefName(ref: ReleaseRef): string {
  if (!isRefName(ref.name)) {
    throw badInput({
      what: `${JSON.stringify(ref.name)} cannot be the name of a ${ref.kind}`,
      where: `${ref.kind} name`,
      why: null,
      wayOut: `give the name as git ${ref.kind === 'tag' ? 'tag' : 'branch'} --list prints it`,
    });
  }
  return `${ref.kind === 'tag' ? 'refs/tags' : 'refs/heads'}/${ref.name}`;
}

/**
 * A URL or path git may fetch from: https, http, ssh, git, file, `user@host:path` or an absolute path.
 * Throws BadInput for options in disguise (`--upload-pack=…`), for transports that run programs (`ext::…`), and for
 * a password, which would be kept in histories.
 */
export function checkRepositoryUrl(url: string): string {
  if (/^[a-z]+:\/\/[^/@]*:[^/@]+@/.test(url)) {
    throw badInput({
      what: 'the address of the repository has a password in it',
      where: redactUrls(url).slice(0, 200),
      why: null,
      wayOut: 'leave it out, and give the worker its own login (an SSH key, or a git credential helper)',
    });
  }
  const known =
    /^(https?|ssh|git|file):\/\/[^\s]+$/.test(url) ||
    /^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!:)[^\s-][^\s]*$/.test(url) ||
    url.startsWith('/');
  // ssh would read a host that begins with a dash as an option
  const hidden = /^[a-z]+:\/\/([^/@]*@)?-/.test(url);
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (known && !hidden && !/[\u0000-\u001f]/.test(url) && url.length <= 2000) return url;
  throw badInput({
    what: `${JSON.stringify(redactUrls(url).slice(0, 200))} is not a repository the worker may fetch from`,
    where: 'repository',
    why: null,
    wayOut: 'give https://…, ssh://…, user@host:path or an absolute path',
  });
}

/** Throws BadInput for paths that leave the repository or that git would read as something else. */
export function checkPathInRepository(path: string): string {
  const inside =
    path !== '' &&
    !path.includes('\0') &&
    !path.startsWith('/') &&
    !path.startsWith('-') &&
    !path.startsWith(':') &&
    path.split('/').every((part) => part !== '..' && part !== '.git');
  if (inside) return path.replace(/^(\.\/+)+/, '').replace(/\/+$/, '') || '.';
  throw badInput({
    what: `${JSON.stringify(path)} is not a path inside the repository`,
    where: 'path',
    why: null,
    wayOut: 'give a relative path without .. that does not begin with - or :',
  });
}

/** `https://user:secret@host` → `https://***@host`. */
export function redactUrls(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1***@');
}
