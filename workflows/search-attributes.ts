/** What lists and saved views filter by. Registered by `slipway up`, the compose file and the tests. */
import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributePair } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { StepState } from './result.js';

export const ATTRIBUTE = {
  pipeline: defineSearchAttributeKey('SlipwayPipeline', SearchAttributeType.KEYWORD),
  environment: defineSearchAttributeKey('SlipwayEnvironment', SearchAttributeType.KEYWORD),
  version: defineSearchAttributeKey('SlipwayVersion', SearchAttributeType.KEYWORD),
  commit: defineSearchAttributeKey('SlipwayCommit', SearchAttributeType.KEYWORD),
  state: defineSearchAttributeKey('SlipwayState', SearchAttributeType.KEYWORD),
  waitingFor: defineSearchAttributeKey('SlipwayWaitingFor', SearchAttributeType.KEYWORD),
  actor: defineSearchAttributeKey('SlipwayActor', SearchAttributeType.KEYWORD),
  forced: defineSearchAttributeKey('SlipwayForced', SearchAttributeType.BOOL),
};

export interface Described {
  pipeline: string;
  environment: string | null;
  version: string;
  /** Full sha. */
  commit: string;
  actor: string;
  /** It passed a gate that somebody forced before this run began. */
  forced?: boolean;
}

/** A database keeps this many characters of a keyword. */
const LONGEST_KEYWORD = 255;

/** What does not change during a run. */
export function describeRun(described: Described): void {
  const { pipeline, environment, version, commit, actor, forced = false } = described;
  const pairs: SearchAttributePair[] = [
    { key: ATTRIBUTE.pipeline, value: pipeline },
    { key: ATTRIBUTE.version, value: version },
    { key: ATTRIBUTE.commit, value: commit },
    { key: ATTRIBUTE.actor, value: actor.slice(0, LONGEST_KEYWORD) },
  ];
  if (environment !== null) pairs.push({ key: ATTRIBUTE.environment, value: environment });
  if (forced) pairs.push({ key: ATTRIBUTE.forced, value: true });
  upsertSearchAttributes(pairs);
}

/** It stays for as long as the run is kept. */
export function markForced(): void {
  upsertSearchAttributes([{ key: ATTRIBUTE.forced, value: true }]);
}

/** null clears what is waited for: "needs a person" is a query on it. */
export function publishState(state: StepState, waitingFor: string | null): void {
  upsertSearchAttributes([
    { key: ATTRIBUTE.state, value: state },
    { key: ATTRIBUTE.waitingFor, value: waitingFor?.slice(0, LONGEST_KEYWORD) ?? null },
  ]);
}
