/** Names that come from people and repositories, checked before git sees them. */
import { isCommitId } from '../../pipeline/commit-id.js';
import type { ReleaseRef } from '../../pipeline/plan.js';
import { isRefName } from '../../pipeline/ref-names.js';
import { hasPassword, isRepositoryUrl, REPOSITORY_FORMS } from '../../pipeline/repository-url.js';
import { badInput } from '../failure.js';

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
 * Throws BadInput for what `isRepositoryUrl` refuses (options in disguise, transports that run programs), and for a
 * password, which would be kept in histories.
 */
export function checkRepositoryUrl(url: string): string {
  if (hasPassword(url)) {
    throw badInput({
      what: 'the address of the repository has a password in it',
      where: redactUrls(url).slice(0, 200),
      why: null,
      wayOut: 'leave it out, and give the worker its own login (an SSH key, or a git credential helper)',
    });
  }
  if (isRepositoryUrl(url)) return url;
  throw badInput({
    what: `${JSON.stringify(redactUrls(url).slice(0, 200))} is not a repository the worker may fetch from`,
    where: 'repository',
    why: null,
    wayOut: `give ${REPOSITORY_FORMS}`,
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
