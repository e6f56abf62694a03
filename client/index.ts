/** `import { SlipwayClient } from 'slipway'`: start, follow and decide without the command. */
export {
  SlipwayClient,
  type ReleaseWish,
  type SlipwayClientOptions,
  type WaitedRelease,
  type WaitOptions,
} from './release-client.js';
export { signForces, type ForceSubject } from './force-gates.js';
export { connectToTemporal, type ConnectOptions, type TemporalLink } from './connect.js';
export type { AnyResult, Followed } from './followed.js';
export { EXIT, EXIT_MEANING, exitOfPromotion, exitOfRelease, type ExitCode } from './exit-codes.js';
export type { FollowEnd, FollowOptions, Progress } from './follow.js';
export { prepareRelease, type ReleaseOptions } from './prepare-release.js';
export { findRepository, resolveRef, type RepositoryPlace, type ResolvedRef } from './repository.js';
export type { StartedRelease } from './start-release.js';
export type { DecisionTarget } from './targets.js';
export { UserError, type Explanation } from './user-error.js';
export type {
  Decision,
  DecisionReply,
  EnvironmentStatus,
  ProgressStatus,
  ReleaseRequest,
  ReleaseStatus,
} from '../workflows/messages.js';
export type {
  BuiltArtifact,
  ChangeResult,
  FailureReport,
  PromotionResult,
  ReleaseRecord,
  ReleaseResult,
} from '../workflows/result.js';
export { signRollback, type FreezeOptions } from './signed-decisions.js';
export type { ApproveOptions, Decided, DecisionOptions, RollbackOptions, SigningOptions } from './decided.js';
