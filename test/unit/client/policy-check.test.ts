/** `slipway policy check`: which file it reads, and what it says of one that is valid. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJson, slipway, type CommandRun } from '../../support/slipway-command.js';

const POLICY = `allowed-signers: allowed_signers
groups: {leads: [irina@example.com]}
pipelines:
  shop:
    repositories: [/srv/shop.git]
    force: {group: leads, gates: [licences]}
    environments:
      prod:
        hosts: [web-1]
        force: {group: leads, gates: [e2e, lint]}
        may: {}
`;
/** One of OpenSSH's own tests. */
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFOG6kY7Rf4UtCFvPwKgo/BztXck2xC4a2WyA34XtIwZ';
let folder: string;
let policy: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slw-check-'));
  policy = path.join(folder, 'policy.yaml');
  writeFileSync(policy, POLICY);
  writeFileSync(path.join(folder, 'allowed_signers'), `irina@example.com ${KEY}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const check = (argv: string[], env: Record<string, string> = {}): Promise<CommandRun> =>
  slipway(['policy', 'check', ...argv], { cwd: folder, env });

describe('policy check', () => {
  it('without a file reads the one that the worker reads', async () => {
    expect(await check([], { SLIPWAY_POLICY: policy })).toMatchObject({
      exit: 0,
      out: expect.stringContaining(`${policy} is valid`) as unknown,
    });
    const absent = await check([], { SLIPWAY_POLICY: '/nowhere/policy.yaml' });
    expect(absent.err).toContain('where     /nowhere/policy.yaml');
    expect(await check([policy], { SLIPWAY_POLICY: '/nowhere/policy.yaml' })).toMatchObject({ exit: 0 });
  });

  it('of what is no file says where the worker looks', async () => {
    for (const [file, what] of [
      ['/nowhere/policy.yaml', 'there is no such policy file'],
      [folder, 'the policy cannot be read (EISDIR)'],
    ]) {
      const run = await check([file ?? '', '--json']);
      expect([run.exit, readJson(run).error]).toEqual([
        2,
        expect.objectContaining({
          what,
          where: file,
          wayOut: expect.stringMatching(/SLIPWAY_POLICY.*\/etc\/slipway\/policy\.yaml/) as unknown,
        }),
      ]);
    }
  });

  it('lists what may be forced, and who says so', async () => {
    const { out } = await check([policy]);
    expect(out).toContain('shop: licences may be forced by leads, before the build\n');
    expect(out).toMatch(/shop prod: .*; e2e, lint may be forced by leads\n/);
  });

  it.each([
    ['6h', '4h', true],
    ['2h', '4h', false],
    ['6h', null, false],
  ])('wait %s with evidence-within %s is refused: %s', async (wait, within, isRefused) => {
    const file = path.join(folder, 'waits.yaml');
    const evidence = within === null ? '' : `        evidence-within: ${within}\n`;
    writeFileSync(file, `${POLICY}        wait: ${wait}\n${evidence}`);
    const answer = await check([file]);
    expect(answer.exit).toBe(isRefused ? 2 : 0);
    if (!isRefused) return;
    expect(answer.err).toContain(
      'pipelines.shop.environments.prod.evidence-within: it waits 6h after its gates, whose word counts for 4h',
    );
    expect(answer.err).toContain('shorten wait, or make evidence-within at least twice as long');
  });

  it('says of a may that names nothing that it asks nothing', async () => {
    expect(readJson(await check([policy, '--json'])).data['warnings']).toEqual([
      `${policy}:11:9: may of shop prod names nothing, so nobody has to sign anything; name switch, rollback or freeze (docs/who-may.md), or leave it out`,
    ]);
  });
});
