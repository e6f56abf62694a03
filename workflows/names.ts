/**
 * Names and ids that live in histories, on task queues and in people's scripts. Renaming one breaks runs in
 * flight. This file imports nothing, so the client can use it without loading the workflow runtime.
 */
export const TASK_QUEUE = 'slipway';
/** Undo and the switch of traffic: never behind a build. */
export const URGENT_TASK_QUEUE = 'slipway-urgent';

/**
 * Environment and change: when a worker is killed in the middle of a workflow task, another takes the task this much
 * later. The server's default of 10 s would be on the way back.
 */
export const WORKFLOW_TASK_TIMEOUT_MS = 3000;

export const WORKFLOW = {
  release: 'release',
  promotion: 'promotion',
  environment: 'environment',
  change: 'change',
  inspect: 'inspect',
} as const;

export function releaseId(pipeline: string, versionOrSha: string): string {
  return `release/${pipeline}/${versionOrSha}`;
}

export function promotionId(pipeline: string, environment: string, requestId: string): string {
  return `promotion/${pipeline}/${environment}/${requestId}`;
}

export function environmentId(pipeline: string, environment: string): string {
  return `environment/${pipeline}/${environment}`;
}

/** Id of the request that undoes what another left. */
export function recoveryId(requestId: string, token: number): string {
  return `${requestId}/recover-${token}`;
}

/** The id of the request that a recovery is about; any other id is itself. */
export function recoveredBy(requestId: string): string {
  return requestId.replace(/\/recover-\d+$/, '');
}

/** The lane is this id: the server refuses a second open run. */
export function laneId(pipeline: string, environment: string): string {
  return `lane/${pipeline}/${environment}`;
}

export const UPDATE = {
  approve: 'approve',
  reject: 'reject',
  switchTraffic: 'switchTraffic',
  back: 'back',
  abort: 'abort',
  pause: 'pause',
  resume: 'resume',
  retryStep: 'retryStep',
  skipHost: 'skipHost',
  freeze: 'freeze',
  unfreeze: 'unfreeze',
} as const;

export const SIGNAL = {
  /** environment: a release or promotion says what it is doing. */
  announce: 'announce',
  /** environment: a change is asked for. */
  request: 'request',
  /** environment: a request is no longer wanted. */
  withdraw: 'withdraw',
  /** environment: the change says how to get back, before it switches. */
  cutover: 'cutover',
  /** environment: the change goes on without a host. */
  apart: 'apart',
  /** promotion: its request has left the queue, the change runs. */
  entered: 'entered',
  /** promotion: how its change ended. */
  outcome: 'outcome',
  /** release, promotion, change: a newer one takes its place. */
  superseded: 'superseded',
  /** promotion: GitHub may have news. Carries nothing: GitHub is asked, and nobody believed. */
  githubHint: 'githubHint',
} as const;

export const QUERY = {
  status: 'status',
  /** change: what is written, and where. Workers ask it for one host of a fleet. */
  target: 'target',
} as const;
