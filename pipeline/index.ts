/** What the other rooms call. */
export { compilePlan, type CompileInput } from './compile-plan.js';
export { renderFileError, renderFileErrors, type FileError } from './file-error.js';
export { findUnsupported, type Unsupported } from './find-unsupported.js';
export { jsonSchema } from './json-schema.js';
export { loadPipeline, type LoadedFile, type LoadResult } from './load-pipeline.js';
export { selectEnvironments, type Selection } from './match-ref.js';
export { PlanRefused, type PlanProblem } from './plan-refused.js';
export { requiredFiles } from './required-files.js';
export { upcastEnvironmentPlan, upcastPlan } from './upcast-plan.js';
export { parseVersion } from './versions.js';
