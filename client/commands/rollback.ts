import { isThereAlready, rollbackUnderway } from '../../workflows/environment-memory.js';
import type { EnvironmentStatus } from '../../workflows/messages.js';
import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { SlipwayClient } from '../release-client.js';
import { printed, SIGNING_OPTIONS, signingOf } from '../signing-flags.js';

export const rollback: CommandSpec = {
  name: 'rollback',
  arguments: '<environment> [version]',
  summary: 'back to the last good release, or to an earlier one by name',
  options: [
    { flags: '--until <state>', summary: 'started, or done (default)' },
    { flags: '--timeout <duration>', summary: 'stop waiting after this long' },
    {
      flags: '--restore-database',
      summary: 'restore the database from the backup of then; all that was written since is lost',
    },
    ...SIGNING_OPTIONS,
  ],
  examples: [
    'slipway rollback prod',
    'slipway rollback prod v1.3.9 --yes --reason "orders fail"',
    'slipway rollback prod --restore-database',
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
  run: rollBack,
};

async function rollBack(invocation: Invocation): Promise<Outcome> {
  const { environmentOf, confirm, NOT_CONFIRMED, toOutcome } = await import('../decide.js');
  const { openClient } = await import('../session.js');
  const { readChoice, readDuration } = await import('../flags.js');
  const { followBack, followRequest } = await import('../way-back.js');
  const until = readChoice('--until', invocation.value('until'), ['started', 'done'] as const) ?? 'done';
  const timeoutMs = readDuration('--timeout', invocation.value('timeout'));
  const { reasonToSign } = await import('../text-to-sign.js');
  const reason = reasonToSign(invocation.global.reason);
  const environment = environmentOf(invocation);
  const { args, global, terminal } = invocation;
  const version = args[1] ?? null;
  const client = await openClient(invocation);
  const found = await client.status(environment);
  if (found === null) await client.requireKnown(environment);
  const restores = invocation.has('restore-database');
  const nothing = restores ? null : await findNothingToDo(invocation, found, version);
  if (nothing !== null) return nothing;
  const aim = await chooseAim(environment, found, version, restores);
  if (invocation.has('print')) return await printSigned(invocation, client, found, aim);
  const { lines, plain, reasonLines } = await import('../render/text.js');
  if (!global.json) terminal.out(lines(aim.warning.map(plain), reasonLines(reason, 10)));
  if (!(await confirm(invocation, aim.question))) return NOT_CONFIRMED;
  const options = { timeoutMs, signal: terminal.interrupted };
  if (aim.how === 'back') {
    const decided = await client.back(environment, { reason });
    const outcome = await toOutcome(
      invocation,
      client,
      decided,
      `traffic of ${environment} goes back to ${aim.to}`,
    );
    if (!decided.reply.accepted || until === 'started') return outcome;
    return followBack(invocation, await client.followLane(environment, options), outcome);
  }
  // By name, as it was shown and confirmed: what is live may have changed since.
  const { signRollback } = await import('../signed-decisions.js');
  const { restoreDatabase } = aim;
  const signing = { ...signingOf(invocation), restoreDatabase };
  const signed = found === null ? null : await signRollback(client, found, aim.to, signing);
  const { requestId } = await client.requestRollback(environment, {
    ...{ version: aim.to, reason, signed, restoreDatabase },
  });
  const restored = restoreDatabase === null ? {} : { restoreDatabase };
  if (until === 'started') {
    return {
      exit: EXIT.done,
      data: {
        accepted: true,
        requestId,
        to: aim.to,
        by: client.actor.by,
        proof: signed?.proof ?? client.actor.proof,
        ...restored,
      },
      screen: `Asked ${environment} to go back to ${aim.to}: slipway watch ${environment}\n`,
    };
  }
  return await followRequest(invocation, client, environment, { requestId, ...restored }, options);
}

/** What would be sent, for another way there. */
async function printSigned(
  invocation: Invocation,
  client: SlipwayClient,
  found: EnvironmentStatus | null,
  { how, to, restoreDatabase }: Aim,
): Promise<Outcome> {
  const { environmentOf } = await import('../decide.js');
  const environment = environmentOf(invocation);
  if (how === 'back' || found === null) {
    const { refused } = await import('../user-error.js');
    throw refused({
      what: 'the change in flight goes back without a signature',
      where: environment,
      wayOut: `slipway back ${environment}`,
    });
  }
  const { signRollback } = await import('../signed-decisions.js');
  const signing = { ...signingOf(invocation), restoreDatabase };
  const signed = await signRollback(client, found, to, signing);
  const { reason } = invocation.global;
  return printed(client.rollbackRequest(environment, { version: to, reason, signed, restoreDatabase }));
}

/** null = there is. It is as people want it, so no failure. `--print` signs all the same: a redeploy carries that word. */
async function findNothingToDo(
  invocation: Invocation,
  found: EnvironmentStatus | null,
  version: string | null,
): Promise<Outcome | null> {
  const record = found?.good.find((each) => each.version === version);
  if (found?.live == null || record === undefined || invocation.has('print')) return null;
  if (!isThereAlready(found, { ...record, kind: 'rollback' })) return null;
  const { formatMoment } = await import('../render/time.js');
  const { environment, live } = found;
  const what = `nothing to do: ${live.version} has been live on ${environment} since ${formatMoment(live.at)}`;
  const { lines, plain } = await import('../render/text.js');
  const { style } = invocation;
  const data = { accepted: true, requestId: null, to: live.version, nothingToDo: true };
  return { exit: EXIT.done, data, screen: lines(`${style.green(style.ok)} ${plain(what)}`) };
}

interface Aim {
  how: 'back' | 'request';
  to: string;
  question: string;
  /** Said before it is asked. */
  warning: string[];
  /** Name of the backup; null = the database is not restored. */
  restoreDatabase: string | null;
}

const AS_IT_IS = { warning: [], restoreDatabase: null };

/**
 * `back` while a change has switched but not settled and its predecessor is what is wanted; else a change of its own.
 * Beside another rollback neither is: somebody else has seen the same fault, and its `back` would undo the rollback.
 */
async function chooseAim(
  environment: string,
  found: EnvironmentStatus | null,
  version: string | null,
  restores: boolean,
): Promise<Aim> {
  const { refused } = await import('../user-error.js');
  const underway = found === null ? null : rollbackUnderway(found, version);
  if (underway !== null)
    throw refused({
      what: `a rollback to ${underway.version} is under way already, asked for by ${underway.actor.by}`,
      where: environment,
      wayOut: `slipway watch ${environment}; further back: slipway rollback ${environment} VERSION`,
    });
  const cutover = found?.inFlight?.cutover ?? null;
  const previous = cutover?.previous ?? null;
  if (
    !restores &&
    cutover?.switching === true &&
    previous !== null &&
    (version === null || version === previous.version)
  ) {
    return {
      how: 'back',
      to: previous.version,
      question: `Send ${environment} back to ${previous.version} now?`,
      ...AS_IT_IS,
    };
  }
  const live = found?.live?.version ?? null;
  const good = (found?.good ?? []).map((record) => record.version);
  const others = good.filter((each) => each !== live);
  const wayOut =
    others.length === 0
      ? `nothing else has been good there, so the way is forward: slipway release REF --to ${environment}, with the fix in it`
      : `slipway rollback ${environment} VERSION; good there: ${others.join(', ')}`;
  if (version === null) {
    const to = good.slice(Math.max(0, good.indexOf(live ?? '')) + 1)[0];
    if (to === undefined)
      throw refused({ what: 'there is no earlier good release to go back to', where: environment, wayOut });
    return await aimAt(environment, found, to, restores);
  }
  if (!good.includes(version))
    throw refused({ what: `${version} is none of the last good releases there`, where: environment, wayOut });
  return await aimAt(environment, found, version, restores);
}

async function aimAt(
  environment: string,
  found: EnvironmentStatus | null,
  to: string,
  restores: boolean,
): Promise<Aim> {
  const from = found?.live?.version ?? 'nothing';
  const question = `Roll ${environment} back from ${from} to ${to}?`;
  if (!restores || found === null) return { how: 'request', to, question, ...AS_IT_IS };
  const { describeRestore, findRestore } = await import('../restore-database.js');
  const restore = findRestore(found, to);
  return {
    ...{ how: 'request', to, restoreDatabase: restore.backup.name },
    question: `Restore the database, and roll ${environment} back from ${from} to ${to}?`,
    warning: describeRestore(found, restore),
  };
}
