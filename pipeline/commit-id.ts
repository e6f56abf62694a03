/** A full object id, lower case: short ones may mean another commit tomorrow, and anything else may be a flag of git. */
export const COMMIT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export function isCommitId(text: string): boolean {
  return COMMIT_ID.test(text);
}
