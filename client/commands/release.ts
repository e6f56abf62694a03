import type { NotYet, ReleasePlan } from '../../pipeline/plan.js';
import type { ReleaseResult } from '../../workflows/result.js';
import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { ForceWish } from '../force-gates.js';
import type { FollowedTo } from '../followed.js';
import type { ReleaseWish, SlipwayClient } from '../release-client.js';
import type { StartedRelease } from '../start-release.js';

export const release: CommandSpec = {
  name: 'release',
  arguments: '[ref]',
  summary: 'starts a release, or joins it when it is under way, and follows it',
  options: [
    {
      flags: '--to <environment>',
      summary:
        'environment by name, repeated or with commas (default: those that take the ref and start by themselves)',
      repeats: true,
    },
    { flags: '--commit <sha>', summary: 'a commit that the branch contains, instead of its head' },
    {
      flags: '--force <gate>',
      summary:
        'pass this gate although it says no, repeated or with commas; signed, needs --reason and --ticket',
      repeats: true,
    },
    { flags: '--ticket <id>', summary: 'where the force is written down' },
    {
      flags: '--key <path>',
      summary: 'SSH key to sign a force with (default: SLIPWAY_SIGNING_KEY, else ~/.ssh/id_…)',
    },
    { flags: '--until <state>', summary: 'started, waiting (default in CI) or done' },
    { flags: '--timeout <duration>', summary: 'stop following after this long' },
  ],
  examples: [
    'slipway release',
    'slipway release v1.4.0 --to prod',
    'slipway release v1.4.1 --force vulnerabilities --ticket OPS-412 --reason "no fix is out yet"',
    'slipway release --timeout 30m   # in CI: the ref comes from GITHUB_REF',
  ],
  exits: [
    EXIT.done,
    EXIT.failedUndone,
    EXIT.failedNotUndone,
    EXIT.refused,
    EXIT.timeout,
    EXIT.superseded,
    EXIT.interrupted,
  ],
  run: startAndFollow,
};

const UNTIL = ['started', 'waiting', 'done'] as const;

async function startAndFollow(invocation: Invocation): Promise<Outcome> {
  const { terminal, global, style } = invocation;
  const { readChoice, readDuration } = await import('../flags.js');
  const { isCi } = await import('../ci.js');
  const { prepareRelease, releaseOptionsOf } = await import('../prepare-release.js');
  const { plain } = await import('../render/text.js');
  const { openClient } = await import('../session.js');
  const until =
    readChoice('--until', invocation.value('until'), UNTIL) ?? (isCi(terminal.env) ? 'waiting' : 'done');
  const timeoutMs = readDuration('--timeout', invocation.value('timeout'));
  const prepared = await prepareRelease(releaseOptionsOf(invocation));
  if (prepared.plan.environments.length === 0) return nothingToDo(invocation, prepared.plan.skipped);

  const { readForceWish } = await import('../force-gates.js');
  const force = readForceWish(invocation, prepared.plan);
  const client = await openClient(invocation, prepared.plan.pipeline);
  const forcing = force === null ? {} : await signAfterAsking(invocation, client, prepared.plan, force);
  if (forcing === null) {
    const { NOT_CONFIRMED } = await import('../decide.js');
    return NOT_CONFIRMED;
  }
  const started = await client.startRelease({ ...prepared.wish, ...forcing });
  if (started.joined && force !== null) throw await joinedUnforced(prepared.plan);
  const say = (text: string): void => {
    if (!global.json) terminal.out(`${text}\n`);
  };
  say(
    `${style.now} ${prepared.plan.pipeline} ${prepared.wish.version} ${describeStart(started)}, by ${plain(client.actor.by)} (identity: ${client.actor.proof})`,
  );
  if (started.url !== null) say(`  ${started.url}`);
  const { notYetLines } = await import('../render/plan.js');
  for (const line of notYetLines(style, prepared.plan)) say(line);
  if (until === 'started') {
    const data = {
      version: prepared.wish.version,
      commit: prepared.wish.commit,
      workflowId: started.workflowId,
      joined: started.joined,
      url: started.url,
      notYet: prepared.plan.notYet ?? [],
    };
    await tellJob(invocation, { state: 'running', url: started.url ?? '', digest: '' }, '');
    return { exit: EXIT.done, data, screen: '' };
  }
  const { showWhileFollowing } = await import('../live-view.js');
  const options = { until, timeoutMs, signal: terminal.interrupted };
  const followed = await showWhileFollowing(invocation, client.followRelease(started, options), 'silent');
  return conclude(invocation, client, { ...started, notYet: prepared.plan.notYet ?? [] }, followed);
}

/** `is under way to stage, prod, joined`. */
function describeStart({ joined, goesTo }: StartedRelease): string {
  if (!joined) return 'started';
  return goesTo === undefined ? 'is under way, joined' : `is under way to ${goesTo.join(', ')}, joined`;
}

/** Shows what is forced first; null = the person thought better of it. */
async function signAfterAsking(
  invocation: Invocation,
  client: SlipwayClient,
  plan: ReleasePlan,
  wish: ForceWish,
): Promise<Pick<ReleaseWish, 'requestId' | 'forces'> | null> {
  const { confirm } = await import('../decide.js');
  const { signForces } = await import('../force-gates.js');
  const { renderForce } = await import('../render/force.js');
  const { newRequestId } = await import('../start-release.js');
  const { by } = client.actor;
  const { style, terminal, global } = invocation;
  if (!global.json) terminal.out(renderForce(style, { plan, wish, by }));
  const { pipeline, version, commit } = plan;
  const gates = wish.gates.map(({ gate }) => gate);
  if (!(await confirm(invocation, `Force ${gates.join(', ')} for ${version}?`))) return null;
  const requestId = newRequestId(version);
  const environments = plan.environments.map(({ name }) => name);
  const subject = { pipeline, version, commit: commit.sha, environments, requestId };
  return { requestId, forces: await signForces(gates, subject, { by, ...wish }) };
}

/** What runs was not started with it, and nobody hears it now. */
async function joinedUnforced({ pipeline, version }: ReleasePlan): Promise<Error> {
  const { refused } = await import('../user-error.js');
  return refused({
    what: 'it is under way already, and was not started with this force',
    where: `${pipeline} ${version}`,
    wayOut: 'let it end (slipway status) or abort it, then force again',
    docs: 'docs/force.md',
  });
}

async function conclude(
  invocation: Invocation,
  client: SlipwayClient,
  started: StartedRelease & { notYet: NotYet[] },
  followed: FollowedTo<ReleaseResult>,
): Promise<Outcome> {
  const { exitOfFollowedRelease, stateOf, toJobSummary, toReleaseData } = await import('../release-data.js');
  const { renderFollowed } = await import('../live-view.js');
  const { renderExit } = await import('../render/watch.js');
  const { plain } = await import('../render/text.js');
  const exit = exitOfFollowedRelease(followed);
  const digest = (followed.release?.artifacts ?? []).map((artifact) => artifact.digest).join(',');
  await tellJob(
    invocation,
    { state: stateOf(followed), url: started.url ?? '', digest },
    toJobSummary(followed, started.url?.split('/namespaces/')[0] ?? null),
  );
  const { end } = followed;
  const failure =
    end.how === 'ended' && end.result === null && end.failure !== null
      ? `${plain(end.failure.message)}\n`
      : '';
  const goesOn = end.how === 'ended' ? '' : 'The release goes on: slipway status\n';
  const data = {
    ...toReleaseData(followed, (id) => client.link.linkTo(id, null)),
    workflowId: started.workflowId,
    joined: started.joined,
    url: started.url,
    notYet: started.notYet,
  };
  const ending = exit === EXIT.done ? '' : renderExit(exit);
  const outcome: Outcome = {
    exit,
    data,
    screen: renderFollowed(invocation, followed) + failure + goesOn + ending,
  };
  const worst =
    [...followed.progress.values()].find((status) => status.failure !== null)?.failure ??
    followed.release?.failure ??
    null;
  if (exit === EXIT.done || worst === null) return outcome;
  const { annotateError } = await import('../ci.js');
  annotateError(invocation.terminal, worst, invocation.global.file);
  return { ...outcome, error: { ...worst, docs: null } };
}

/** A docs-only push, or a ref whose environments are started by hand. */
async function nothingToDo(
  invocation: Invocation,
  skipped: { environment: string; why: string }[],
): Promise<Outcome> {
  await tellJob(invocation, { state: 'skipped', url: '', digest: '' }, '');
  const { lines, plain } = await import('../render/text.js');
  return {
    exit: EXIT.done,
    data: { promotions: [], skipped },
    screen: lines(
      'Nothing to release.',
      skipped.map(({ environment, why }) => `  ${plain(environment)}: ${plain(why)}`),
    ),
  };
}

async function tellJob(
  { terminal }: Invocation,
  outputs: Record<string, string>,
  summary: string,
): Promise<void> {
  const { writeJobOutputs, writeJobSummary } = await import('../ci.js');
  writeJobOutputs(terminal.env, outputs);
  if (summary !== '') writeJobSummary(terminal.env, summary);
}
