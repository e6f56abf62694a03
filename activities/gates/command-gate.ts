import { namesIn } from '../../pipeline/templates.js';
import type { GateSubject } from '../../workflows/activity-contract.js';
import { pinnedImage } from '../platforms/image-reference.js';
import { renderCommand } from '../platforms/run-time-values.js';
import { runInCheckout, withCheckout } from '../source/checkout.js';
import { NOTE_CHARACTERS, type CommandGate, type GateAnswer, type GateDependencies } from './gate-answer.js';
import { expectReports, judgeReports } from './report-gate.js';

/**
 * `{run: make test}` in a clean checkout of the commit: exit 0 passes, anything else and a timeout fail, a shell
 * that cannot start the command is an error. The note ends with what the command printed last. With `report` the files
 * it writes decide (report-gate.ts).
 */
export async function askCommand(
  deps: GateDependencies,
  gate: CommandGate,
  subject: GateSubject,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const { sha } = subject.commit;
  const command = renderGateCommand(gate, subject);
  if (command === null) {
    const note = `nothing is built yet, so {image} and {digest} have no value; name ${gate.name} in the gates of an environment, not of release`;
    return { verdict: 'error', note };
  }
  const user = await deps.jobUser();
  const mirror = await deps.source.fetchCommit(subject.repositoryUrl, sha, signal);
  return await withCheckout({ mirror, commit: sha, user, signal }, async (checkout) => {
    const toCome = await expectReports(gate, { checkout, mirror, commit: sha });
    if ('verdict' in toCome) return toCome;
    const env = gateEnvironment(gate, subject);
    const { timeoutMs } = gate;
    const { exitCode, timedOut, tail } = await runInCheckout(checkout, command, { env, timeoutMs, signal });
    const printed = deps.scrub(tail).trim().slice(-NOTE_CHARACTERS);
    const say = (what: string): string => (printed === '' ? what : `${what}:\n${printed}`);
    if (timedOut) return { verdict: 'fail', note: say(`not done within ${timeoutMs / 1000}s`) };
    if (exitCode === null) return { verdict: 'fail', note: say('killed') };
    if (exitCode === 126 || exitCode === 127)
      return {
        verdict: 'error',
        note: say(`${command} cannot be run on the worker${user === null ? '' : ` as ${user.name}`}`),
      };
    if (toCome.expected.length > 0)
      return await judgeReports(gate, toCome, { exitCode, printed }, deps.scrub);
    if (exitCode === 0) return { verdict: 'pass', note: 'exit 0' };
    return { verdict: 'fail', note: say(`exit ${exitCode}`) };
  });
}

/** null = it asks for the image, and there is none. Throws BadInput for names no gate has a value for. */
function renderGateCommand(gate: CommandGate, subject: GateSubject): string | null {
  const [first] = subject.artifacts;
  if (first === undefined && namesIn(gate.command).some((name) => name === 'image' || name === 'digest'))
    return null;
  const values = {
    colour: null,
    digest: first?.digest ?? null,
    image: first === undefined ? null : pinnedImage(first),
    tag: null,
    version: subject.version,
    commit: subject.commit.sha,
    'previous-tag': null,
    'previous-digest': null,
  };
  return renderCommand(gate.command, values, `gates.${gate.name}`);
}

function gateEnvironment(gate: CommandGate, subject: GateSubject): Record<string, string> {
  const [first] = subject.artifacts;
  return {
    CI: 'true',
    SLIPWAY_GATE: gate.name,
    SLIPWAY_PIPELINE: subject.pipeline,
    SLIPWAY_VERSION: subject.version,
    SLIPWAY_COMMIT: subject.commit.sha,
    SLIPWAY_REF: subject.ref.name,
    SLIPWAY_REF_KIND: subject.ref.kind,
    ...(first === undefined ? {} : { SLIPWAY_DIGEST: first.digest, SLIPWAY_IMAGE: pinnedImage(first) }),
  };
}
