/** What the other rooms call. */
export { compilePlan } from './compile-plan.js';
export { checkSigners, findKeyFileProblem, findRevokedAmong, type KeyFileAccess } from './check-signers.js';
export { explainFileErrors } from './file-error.js';
export { findUnsupported } from './find-unsupported.js';
export {
  askEntry,
  decodeText,
  LARGEST_FILE_BYTES,
  readTreeLine,
  refuseEntry,
  type TreeEntry,
} from './file-at-commit.js';
export { askAuthors, gatherGitFacts, type AskGit, type GitFacts } from './git-facts.js';
export { loadPipeline, loadPolicy, type LoadedFile } from './load-pipeline.js';
export { applyPolicy } from './apply-policy.js';
export { judgeJobAccount, jobUsersIn, warnOfSharedUser, type Account } from './job-user.js';
export type { Policy } from './policy-file.js';
export { selectEnvironments } from './match-ref.js';
export { PlanRefused } from './plan-refused.js';
export { requiredFiles } from './required-files.js';
export { findWriters } from './who-may-write.js';
export { upcastEnvironmentPlan, upcastPlan } from './upcast-plan.js';
