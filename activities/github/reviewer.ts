/** What the readers of GitHub give, and what they ask about whoever reviewed. */
import { isAmong } from '../../workflows/decisions.js';

export interface Reviewers {
  /** Who a login is; two accounts may be one person. */
  personOf(login: string): string;
  /** Why this person's word is none here; null = it counts. */
  whyNot(login: string): string | null;
}

export interface Reviews {
  /** Each person once. */
  given: GivenReview[];
  /** Logins of who said no; it voids all that was given. */
  rejectedBy: string[];
  /** Where they were given, and what did not count and why. */
  note: string;
}

export interface GivenReview {
  /** The person. */
  by: string;
  at: string;
  url: string;
}

/** A person with two accounts has given it once. */
export function oncePerPerson(given: GivenReview[]): GivenReview[] {
  return [...new Map(given.map((review) => [review.by.toLowerCase(), review])).values()];
}

/** Is it one of these logins' own? */
export function isPersonAmong(
  { personOf }: Reviewers,
  login: string,
  logins: readonly (string | null)[],
): boolean {
  const people = logins.filter((each) => each !== null).map(personOf);
  return isAmong(personOf(login), people);
}
