/** A gate forced from the command line, with a real key, to the release that is live and the one after it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FORCE_NAMESPACE, readForce } from '../../pipeline/force-statement.js';
import type { ReleaseRequest } from '../../workflows/messages.js';
import { releaseId } from '../../workflows/names.js';
import { setClientScene } from '../support/client-scene.js';
import { readJson } from '../support/slipway-command.js';
import { givePersonKey } from '../support/people.js';

const exec = promisify(execFile);
const scene = setClientScene(`gates: {red: {run: make scan}}
release: {gates: [red], force: {group: leads, gates: [red]}}
`);
const { run } = scene;
let folder: string;
let key: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-force-'));
  key = path.join(folder, 'key');
  await givePersonKey(key, 'irina');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const FORCING = '--force red --ticket OPS-412 --reason urgent';
const LINE = '⚠ FORCED red by irina: urgent (OPS-412)';

describe('a release whose gate says no', () => {
  it('is refused, and goes live where somebody forces it', async () => {
    const refused = await run('release main --to stage', 'irina');
    expect(refused, refused.err).toMatchObject({ exit: 5 });
    expect(refused.out + refused.err).toContain('gate red says no');

    const env = { SLIPWAY_SIGNING_KEY: key };
    const declined = await run(`release main --to stage ${FORCING}`, 'irina', { env, answer: 'n' });
    expect(declined).toMatchObject({ exit: 5, err: '' });
    expect(declined.out).toContain('red, before the build; may be forced by leads');
    expect(declined.out).toContain('Nothing was changed.');

    const forced = readJson(await run(`release main --to stage ${FORCING} --yes --json`, 'irina', { env }));
    expect(forced, JSON.stringify(forced)).toMatchObject({ ok: true, exit: 0 });
    const mark = { gate: 'red', by: 'irina', reason: 'urgent', ticket: 'OPS-412' };
    expect(forced.data).toMatchObject({ forced: [mark], promotions: [{ forced: [mark] }] });

    const status = await run('status stage');
    expect(status.out).toContain(LINE);
    expect(readJson(await run('status stage --json')).data).toMatchObject({
      environments: [{ live: { forced: [mark] } }],
    });
    await expectSigned();
  });

  it('says that it was not forced by what joined it', async () => {
    const held = `release v1.0.0 --to ${scene.prod} --force red --ticket OPS-1 --reason urgent --key ${key} --yes`;
    const first = await run(`${held} --until waiting`, 'irina');
    expect(first, first.err).toMatchObject({ exit: 0 });
    expect(first.out).toContain('FORCED red by irina: urgent (OPS-1)');
    const second = await run(held, 'oleg');
    expect(second).toMatchObject({ exit: 5 });
    expect(second.err).toContain('was not started with this force');
    const approving = await run(`approve ${scene.prod} --yes`, 'irina');
    expect(approving).toMatchObject({ exit: 5 });
    const approved = await run(`approve ${scene.prod} --yes`, 'oleg');
    expect(approved.out).toContain('FORCED red by irina: urgent (OPS-1)');
  });
});

/** What Temporal was given is what the key signed, about exactly this release. */
async function expectSigned(): Promise<void> {
  const { stdout } = await exec('git', ['-C', scene.repository.folder, 'rev-parse', 'main']);
  const commit = stdout.trim();
  const handle = scene.harness.client.workflow.getHandle(releaseId(scene.pipeline, commit.slice(0, 7)));
  const { events } = await handle.fetchHistory();
  const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const request: ReleaseRequest = JSON.parse(Buffer.from(payload?.data ?? '').toString('utf8'));
  const [force] = request.forces ?? [];
  expect(readForce(force?.statement.payload ?? '')).toMatchObject({
    pipeline: scene.pipeline,
    gate: 'red',
    environments: ['stage'],
    requestId: request.requestId,
    version: commit.slice(0, 7),
    commit,
  });
  const signature = path.join(folder, 'signature');
  await writeFile(signature, force?.statement.signature ?? '');
  const checking = exec('ssh-keygen', [
    ...['-Y', 'check-novalidate', '-n', FORCE_NAMESPACE, '-s', signature],
  ]);
  checking.child.stdin?.end(force?.statement.payload);
  expect((await checking).stdout).toContain('Good "force@slipway" signature');
}
