/** What a release would do, before it does it. */
import { isGivenOnGithub } from '../../pipeline/approval-rules.js';
import { describeFreeze as nameFreeze, findFreeze } from '../../pipeline/freezes.js';
import type { CheckPlan, EnvironmentPlan, GatePlan, ReleasePlan } from '../../pipeline/plan.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import { formatDuration } from '../../pipeline/durations.js';
import { describeRule } from '../../workflows/approvals.js';
import { describeForceRule } from '../../pipeline/force-rules.js';
import type { EnvironmentStatus } from '../../workflows/messages.js';
import { findGood, type StatusByName } from '../good-before.js';
import { describeDatabase, describeRollout } from './plan-database.js';
import type { Style } from './style.js';
import { cut, digest12, labelled, lines, plain, row, sha7 } from './text.js';
import { formatMoment } from './time.js';

const LABEL = 10;
const SUBJECT = 60;
const MOST_AUTHORS = 3;

export interface PlanView {
  plan: ReleasePlan;
  /** Of every environment of the pipeline; null = Temporal could not be asked. */
  status: StatusByName | null;
  /** Commits an environment does not serve yet, by its name. */
  commitsSince: Map<string, number>;
  /** false = no worker has said what its policy makes of the plan. */
  isPolicyKnown: boolean;
  /** Why the worker's plan may be another one. */
  uncertain: string[];
  refused: { what: string; where: string; wayOut: string }[];
  /** What to type to carry it out. */
  command: string;
}

export function renderPlan(style: Style, view: PlanView): string {
  const { plan } = view;
  const names = plan.environments.map(({ name }) => plain(name)).join(', ');
  const title = `${plain(plan.pipeline)} ${plain(plan.version)}${names === '' ? '' : ` ${style.arrow} ${names}`}`;
  return lines(
    row(style, style.bold(title), `plan ${plan.planHash.slice(0, 8)}, file at ${sha7(plan.commit.sha)}`),
    labelled(
      'commit',
      [
        `${sha7(plan.commit.sha)} ${cut(style, plain(plan.commit.subject), SUBJECT)}, ${plain(plan.commit.author)}`,
      ],
      LABEL,
    ),
    labelled(
      'builds',
      plan.artifacts.map((artifact) => describeArtifact(artifact, view)),
      LABEL,
    ),
    labelled('gates', describeGates(style, plan.gates), LABEL),
    labelled('force', describeForce(style, plan), LABEL),
    plan.environments.flatMap((environment) => environmentLines(style, environment, view)),
    plan.skipped.map(
      ({ environment, why }) => `  ${style.pending} ${plain(environment)} is left out: ${plain(why)}`,
    ),
    notYetLines(style, plan),
    view.refused.flatMap(({ what, where, wayOut }) => [
      `${style.red(style.failed)} ${plain(what)}`,
      ...labelled('where', [plain(where)], LABEL),
      ...labelled('way out', [plain(wayOut)], LABEL),
    ]),
    view.uncertain.map((why) => `${style.yellow(style.unknown)} ${plain(why)}`),
    lastLine(view),
  );
}

/** What the file asks for and a release leaves undone. */
export function notYetLines(style: Style, { notYet = [] }: ReleasePlan): string[] {
  return notYet.map(
    ({ what, where, meanwhile }) =>
      `${style.yellow(style.warning)} ${plain(what)} is not carried out yet (${plain(where)}): ${plain(meanwhile)}`,
  );
}

function lastLine({ refused, plan, command }: PlanView): string {
  if (refused.length > 0) return 'Nothing was changed. A release would be refused.';
  return plan.environments.length === 0
    ? 'Nothing was changed. Nothing would be.'
    : `Nothing was changed. Do it: ${command}`;
}

function describeArtifact(artifact: ReleasePlan['artifacts'][number], { plan, status }: PlanView): string {
  const what =
    artifact.kind === 'folder'
      ? `folder ${plain(artifact.folder)} of the commit`
      : plain(artifact.repository);
  for (const environment of status?.keys() ?? []) {
    const built = findGood(status, environment, plan.commit.sha)?.artifacts;
    const digest = built?.find(({ name }) => name === artifact.name)?.digest;
    if (digest !== undefined)
      return `${plain(artifact.name)}: ${digest12(digest)}, already built for ${plain(environment)}`;
  }
  const once = artifact.kind === 'folder' ? '' : ', once; adopted if this commit was built before';
  return `${plain(artifact.name)}: ${what}${once}`;
}

function describeGates(style: Style, gates: GatePlan[], before: string[] = []): string[] {
  const all = [...before, ...gates.map((gate) => `${style.pending} ${plain(gate.name)} (${gate.kind})`)];
  return all.length === 0 ? [] : [all.join('   ')];
}

/** Which of the gates may be forced, and by whom. */
function describeForce(style: Style, { force }: Pick<EnvironmentPlan, 'force'>): string[] {
  return force === undefined ? [] : [`${style.pending} ${plain(describeForceRule(force))}, signed (--force)`];
}

/** `after`: the same commit must be good there first. */
function describeAfter(style: Style, earlier: string, { plan, status }: PlanView): string {
  const name = plain(earlier);
  const good = findGood(status, earlier, plan.commit.sha);
  if (good !== null) return `${style.green(style.ok)} good on ${name} since ${formatMoment(good.at)}`;
  if (plan.environments.some((environment) => environment.name === earlier))
    return `${style.pending} good on ${name}, in this release`;
  if (status === null) return `${style.unknown} good on ${name}`;
  return `${style.red(style.failed)} not good on ${name} yet`;
}

function environmentLines(style: Style, plan: EnvironmentPlan, view: PlanView): string[] {
  const status = view.status?.get(plan.name) ?? null;
  const known = view.status !== null;
  const after = plan.after.map((earlier) => describeAfter(style, earlier, view));
  return [
    `  ${style.bold(plain(plan.name))}`,
    ...labelled('live', [describeLive(status, known, view.commitsSince.get(plan.name) ?? null)], LABEL),
    ...labelled('gates', describeGates(style, plan.gates, after), LABEL),
    // with a policy it is among the rules
    ...labelled('force', plan.policy === undefined ? describeForce(style, plan) : [], LABEL),
    ...labelled('approvals', describeApprovals(style, plan, view), LABEL),
    ...labelled('rules', describeRules(style, plan, view), LABEL),
    ...labelled('waits', plan.waitMs === 0 ? [] : [formatDuration(plan.waitMs)], LABEL),
    ...labelled('freezes', describeFreezes(style, plan), LABEL),
    ...labelled('database', describeDatabase(plan), LABEL),
    ...labelled('deploy', [describeDeploy(plan, status)], LABEL),
    ...labelled('rollout', describeRollout(plan), LABEL),
    ...labelled('verify', describeChecks(plan.checks), LABEL),
    ...labelled('switch', describeSwitch(plan), LABEL),
    ...labelled(
      'bake',
      plan.bake === null ? [] : [`${formatDuration(plan.bake.forMs)}: ${names(plan.bake.checks)}`],
      LABEL,
    ),
    ...labelled('settle', [describeSettle(plan)], LABEL),
    ...labelled('way back', [describeWayBack(style, plan, status, known)], LABEL),
    ...(status?.freeze == null ? [] : labelled('frozen', [describeFreeze(style, status.freeze)], LABEL)),
  ];
}

function describeFreeze(style: Style, freeze: NonNullable<EnvironmentStatus['freeze']>): string {
  const until = freeze.until === null ? 'until unfrozen' : `until ${formatMoment(freeze.until)}`;
  return `${style.yellow(style.warning)} ${until}, by ${plain(freeze.by)}${freeze.reason === null ? '' : `: ${plain(freeze.reason)}`}`;
}

function describeLive(status: EnvironmentStatus | null, known: boolean, commits: number | null): string {
  if (!known) return 'unknown';
  const live = status?.live ?? null;
  if (live === null) return 'nothing yet';
  const colour = live.colour === null ? '' : `${live.colour} `;
  return `${colour}${plain(live.version)} ${live.artifacts.map(({ digest }) => digest12(digest)).join(' ')} since ${formatMoment(live.at)}${countSince(commits)}`;
}

function countSince(commits: number | null): string {
  if (commits === null) return '';
  return commits === 1 ? '; 1 commit since' : `; ${String(commits)} commits since`;
}

function describeApprovals(style: Style, plan: EnvironmentPlan, view: PlanView): string[] {
  const { authors } = view.plan.commit;
  if (plan.approvals.length === 0) return [];
  const rules = plan.approvals.map((rule) => {
    const { count, group, by } = rule;
    if (isGivenOnGithub(by) || by === 'oidc') return plain(describeRule(rule));
    return `${String(count)} ${group === null ? 'of anybody' : plain(group)}`;
  });
  const [first] = plan.approvals;
  const named =
    authors.length > MOST_AUTHORS ? `${String(authors.length)} authors` : authors.map(plain).join(', ');
  const who = plan.selfApproval ? '' : `; not ${named} (author), not the requester`;
  const expires = first === undefined ? '' : `; rejects itself after ${formatDuration(first.expiresMs)}`;
  return [
    `${style.now} ${rules.join(', ')}${who}${expires}${isUnverified(plan, view) ? ' (identity: unverified)' : ''}`,
  ];
}

/** Anybody's word is taken for anybody's. */
function isUnverified({ approvals, policy }: EnvironmentPlan, { isPolicyKnown }: PlanView): boolean {
  const nothingProtects = isPolicyKnown && policy === undefined;
  return approvals.some(({ by }) => !isGivenOnGithub(by) && (nothingProtects || by === 'unverified'));
}

/** What holds, and which of the two asked for it. */
function describeRules(
  style: Style,
  { policy, production }: EnvironmentPlan,
  { isPolicyKnown }: PlanView,
): string[] {
  if (policy === undefined && !isPolicyKnown)
    return production ? [`${style.unknown} only the worker knows whether its policy protects this`] : [];
  if (policy === undefined)
    return production ? [`${style.yellow(style.warning)} NOT PROTECTED: the worker has no policy`] : [];
  return policy.rules.map(
    ({ rule, from }) => `${plain(rule)}, by ${from === 'both' ? 'both' : `the ${from}`}`,
  );
}

/** Those that are not over yet, and which file each is from. */
function describeFreezes(style: Style, { freeze = [] }: EnvironmentPlan): string[] {
  const nowMs = Date.now();
  const frozen = findFreeze(freeze, nowMs);
  const until = frozen === null ? '' : new Date(frozen.untilMs).toISOString();
  return freeze
    .filter((each) => Date.parse(each.until) > nowMs)
    .map((each) =>
      each === frozen?.freeze
        ? `${style.yellow(style.warning)} now, until ${formatMoment(until)}: ${plain(nameFreeze(each))}`
        : plain(nameFreeze(each)),
    );
}

function describeDeploy(plan: EnvironmentPlan, status: EnvironmentStatus | null): string {
  const what = `${describePlatform(plan.platform)}${describeWhere(plan)}`;
  if (plan.strategy === 'in-place') return `in place, ${what}`;
  const live = status?.live ?? null;
  const idle = live?.colour === 'blue' ? 'green' : live?.colour === 'green' ? 'blue' : 'the idle colour';
  const keeps = live?.colour == null ? '' : `; ${live.colour} ${plain(live.version)} keeps the traffic`;
  return `${idle}, ${what}${keeps}`;
}

/** A cluster has no hosts of ours. */
function describeWhere({ hosts, platform }: EnvironmentPlan): string {
  if (hosts.length > 0) return `, on ${hosts.map(({ name }) => plain(name)).join(', ')}`;
  const namespace = 'namespace' in platform ? platform.namespace : null;
  return namespace === null ? '' : `, in namespace ${plain(namespace)}`;
}

function describePlatform(platform: PlatformPlan): string {
  switch (platform.kind) {
    case 'swarm':
      return `swarm service ${plain(platform.service)}`;
    case 'stack':
      return `stack ${plain([...new Set(Object.values(platform.names))].filter((name) => name !== '').join(' or '))}`;
    case 'command':
      return `command ${plain(platform.command)}`;
    case 'compose':
      return `compose in ${plain(platform.folder)}`;
    case 'kubernetes':
      return `kubernetes ${plain(platform.resource)}`;
    case 'helm':
      return `helm ${plain(platform.release)}`;
  }
}

function names(checks: CheckPlan[]): string {
  return checks.map(({ name }) => plain(name)).join(', ');
}

function describeChecks(checks: CheckPlan[]): string[] {
  return checks.length === 0 ? ['nothing: a deploy counts as good as soon as it runs'] : [names(checks)];
}

function describeSwitch({ traffic }: EnvironmentPlan): string[] {
  if (traffic === null) return [];
  const who =
    traffic.switch === 'manual'
      ? `by a person within ${formatDuration(traffic.switchWithinMs)}`
      : 'by itself';
  const shares = traffic.weights.map((weight) => `${weight}%`).join(' ');
  const steps =
    shares === '' ? '' : `, in steps of ${shares}, each watched for ${formatDuration(traffic.stepMs ?? 0)}`;
  const each = traffic.proxies === undefined ? '' : ' on each host';
  return [
    `${who}${steps}, ${traffic.kind}${each}, believed after ${String(traffic.confirm.times)} answers of the new colour in a row`,
  ];
}

function describeSettle(plan: EnvironmentPlan): string {
  const warm =
    plan.strategy === 'blue-green' ? `the old colour warm for ${formatDuration(plan.keepWarmMs)}, ` : '';
  const tags = plan.tags.length === 0 ? '' : `, tags ${plan.tags.map(plain).join(' ')}`;
  // nothing deletes one, whatever `retention` says: `notYet` names it
  return `${warm}every image kept${tags}`;
}

/** Proven only by the worker, at the release's own `proveWayBack`; here is what it would go back to. */
function describeWayBack(
  style: Style,
  plan: EnvironmentPlan,
  status: EnvironmentStatus | null,
  known: boolean,
): string {
  if (!known) return `${style.unknown} unknown until Temporal is asked`;
  const live = status?.live ?? null;
  if (live === null) return `${style.warning} a first release has none: ${describeFirstUndo(plan)}`;
  const to = `${live.colour === null ? '' : `${live.colour} `}${plain(live.version)}`;
  const how = plan.strategy === 'blue-green' ? `switch to ${to}` : `${to} again, by its recorded digest`;
  return `${how}; the worker proves it before anything is touched (now: slipway doctor ${plain(plan.name)})`;
}

/** These roll out to what is there before; the others make it. */
function describeFirstUndo({ platform: { kind } }: EnvironmentPlan): string {
  return kind === 'kubernetes' || kind === 'swarm'
    ? 'undo rolls out the image again that is there before'
    : 'undo means removing it';
}
