/** What the other rooms call. */
export { compilePlan } from './compile-plan.js';
export { explainFileErrors } from './file-error.js';
export { findUnsupported } from './find-unsupported.js';
export { askEntry, decodeText, LARGEST_FILE_BYTES, refuseEntry, type TreeEntry } from './file-at-commit.js';
export { gatherGitFacts, type AskGit, type GitFacts } from './git-facts.js';
export { jsonSchema } from './json-schema.js';
export { loadPipeline, type LoadedFile } from './load-pipeline.js';
export { selectEnvironments } from './match-ref.js';
export { PlanRefused } from './plan-refused.js';
export { requiredFiles } from './required-files.js';
export { upcastEnvironmentPlan, upcastPlan } from './upcast-plan.js';
