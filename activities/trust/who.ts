/** Whose word it is: logins and people, and what a person may not judge because it is their own. Pure. */
import type { Policy } from '../../pipeline/policy-file.js';
import { isAmong } from '../../workflows/decisions.js';

/** Commits made on GitHub by people who hide their address; GitHub Enterprise has a host of its own in it. */
const NOREPLY = /^(?:\d+\+)?([^@+]+)@users\.noreply\.[^@]+$/i;

/** The person whose login it is, as allowed_signers names them; null = the policy knows none. */
export function personOf(login: string, policy: Policy | null): string | null {
  for (const [known, person] of policy?.github ?? []) if (isAmong(login, [known])) return person;
  return null;
}

/** What somebody without a person is called: nobody else can have that name. */
export function nameOfLogin(login: string): string {
  return `${login.toLowerCase()}@github`;
}

/** Everything a person may be called: their name, and the logins that are theirs. */
export function namesOf(person: string, policy: Policy | null): string[] {
  const logins = [...(policy?.github ?? [])].flatMap(([login, whose]) =>
    isAmong(person, [whose]) ? [login, nameOfLogin(login)] : [],
  );
  return [person, ...logins];
}

/** Is one of these names that of who asked for the release or wrote a commit of it? */
export function isOwnWork(names: readonly string[], requester: string, authors: readonly string[]): boolean {
  const said = [requester, ...authors];
  const theirs = [...said, ...said.flatMap((name) => NOREPLY.exec(name)?.[1] ?? [])];
  return names.some((name) => isAmong(name, theirs));
}
