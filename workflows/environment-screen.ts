/** What an environment shows of itself: one line, and a page for the UI and the memo. */
import { describeDenials } from './denials.js';
import { describeForced, forcedGates } from './forced.js';
import { wayOutForPerson } from './environment-memory.js';
import { describeReturn } from './hosts-apart.js';
import type { EnvironmentState, Freeze } from './messages.js';
import { plainMarkdown, withoutMarkdown } from './plain-text.js';
import { warnUnprotected } from './protection.js';
import { fitLine, formatMinute, renderLinks } from './report.js';
import type { ReleaseRecord, StepState } from './result.js';
import { askedBy, describeAllTaken, hasUnsignedReason } from './taken-decisions.js';
import type { UiLink } from './ui-links.js';

export function headlineOf(state: EnvironmentState): string {
  const { pipeline, environment, live, inFlight, needsPerson, freeze } = state;
  const name = `${pipeline} ${environment}`;
  if (inFlight !== null) {
    const { request } = inFlight;
    return `${pipeline} ${request.version} → ${environment}: ${request.kind} in flight`;
  }
  if (needsPerson !== null) return `${name} needs a person: ${needsPerson}`;
  if (freeze !== null) return `${name} is frozen by ${freeze.by}${untilText(freeze.until)}`;
  return live === null
    ? `${name}: nothing is live yet`
    : `${pipeline} ${live.version} is live on ${environment}`;
}

export function stateOf({ inFlight, needsPerson, freeze, queue, live }: EnvironmentState): StepState {
  if (inFlight !== null) return 'running';
  if (needsPerson !== null || freeze !== null || queue.length > 0) return 'waiting';
  return live === null ? 'pending' : 'succeeded';
}

/** What ends by its timer, at most 100 characters of it shown. */
export function describeWaiting({ freeze, warm, apart = [] }: EnvironmentState): string {
  if (freeze !== null) return `frozen by ${freeze.by}, opens by itself`;
  if (warm !== null) return `keeps ${warm.record.version} warm`;
  const hosts = apart.flatMap(({ host, againAt }) => (againAt === null ? [] : [host]));
  return hosts.length === 0 ? 'keeps the old release warm' : `tries ${hosts.join(', ')} again`;
}

/** Markdown; one fenced block in ASCII, at most 60 columns. */
export function renderEnvironment(state: EnvironmentState, links: UiLink[]): string {
  const { environment, live, warm, inFlight, queue, announced, freeze, needsPerson, good } = state;
  const { apart = [] } = state;
  const entered = [inFlight?.request, ...queue].map((request) => request?.requestId);
  const coming = announced.filter(
    ({ requestId, phase }) => phase !== 'ended' && !entered.includes(requestId),
  );
  const rows = [
    row('live', live === null ? 'nothing' : describe(live)),
    warm === null ? null : row('warm', `${describe(warm.record)}, until ${formatMinute(warm.retireAt)}`),
    inFlight === null
      ? null
      : row('in flight', `${inFlight.request.version} ${inFlight.request.kind}, token ${inFlight.token}`),
    ...queue.map((request) => row('queued', `${request.version} ${request.kind} by ${request.actor.by}`)),
    ...coming.map(({ version, phase, waitingFor }) =>
      row('coming', `${version} ${phase}${waitingFor === null ? '' : ` for ${waitingFor}`}`),
    ),
    freeze === null
      ? null
      : row(
          'frozen',
          `by ${freeze.by}${signedText(freeze)}${untilText(freeze.until)} ${freeze.reason ?? ''}`,
        ),
    freeze !== null && hasUnsignedReason(freeze) ? row('', 'its reason was not signed') : null,
    ...apart.flatMap(({ host, why, ...how }) => [
      row('apart', `${host}: ${why}`),
      row('', describeReturn(how, formatMinute)),
    ]),
    needsPerson === null ? null : row('look', needsPerson),
    row(
      'good',
      good
        .slice(0, 5)
        .map((record) => (forcedGates(record).length === 0 ? record.version : `${record.version} (forced)`))
        .join(' '),
    ),
  ];
  const commands = [
    needsPerson === null ? null : `- a person: ${plainMarkdown(wayOutForPerson(state))}`,
    freeze === null
      ? null
      : `- open again: \`slipway unfreeze ${environment}\` (a rollback enters all the same)`,
    apart.every(({ state: how }) => how === 'before')
      ? null
      : `- try the hosts in quarantine now: \`slipway retry ${environment}\``,
    live === null ? null : `- the last good release: \`slipway rollback ${environment}\``,
  ];
  return [
    `## ${withoutMarkdown(headlineOf(state))}`,
    ...forcedGates(live ?? {}).map((forced) => `> ⚠ FORCED ${plainMarkdown(describeForced(forced))}`),
    ['```', ...rows.filter((each) => each !== null), '```'].join('\n'),
    commands.filter((each) => each !== null).join('\n'),
    renderLinks(links),
    ...describeAllTaken(state.said?.decisions).map((line) => plainMarkdown(`live: ${line}`)),
    ...(inFlight === null ? [] : describeAllTaken(askedBy(inFlight.request, ''))).map((line) =>
      plainMarkdown(`in flight: ${line}`),
    ),
    ...describeDenials([...(state.said?.denials ?? []), ...(state.denials ?? [])]).map(plainMarkdown),
    [...warnUnproven(state), ...warnUnprotected(live === null ? [] : [live.plan])].join('\n\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function describe(record: ReleaseRecord): string {
  const { version, colour } = record;
  const name = colour === null ? version : `${colour} ${version}`;
  return forcedGates(record).length === 0 ? name : `${name} (forced)`;
}

/** Not where the one person on the page has signed. */
function warnUnproven({ queue, freeze }: EnvironmentState): string[] {
  return freeze?.proof === 'ssh' && queue.length === 0 ? [] : ['identity: unverified'];
}

function signedText({ proof }: Freeze): string {
  return proof === 'ssh' ? ', signed' : '';
}

function untilText(until: string | null): string {
  return until === null ? '' : ` until ${formatMinute(until)}`;
}

function row(name: string, text: string): string {
  return fitLine(`${name.padEnd(9)} `, text).trimEnd();
}
