/** Whoever is to sign and never can is known when the policy is read, by the worker and by `slipway policy check`. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPolicyStore } from '../../activities/trust/policy-store.js';
import { findSigner } from '../../activities/trust/signed-word.js';
import { signText } from '../../client/sign-with-ssh.js';
import { readSignerLines } from '../../pipeline/signer-lines.js';
import { givePersonKey, revokeKey } from '../support/people.js';
import { readJson, slipway } from '../support/slipway-command.js';

const exec = promisify(execFile);
const IRINA = 'irina@example.com';
const OLEG = 'oleg@example.com';
const ANNA = 'anna@example.com';
/** Irina or anna approve and roll back; oleg forces. */
const POLICY = `allowed-signers: allowed_signers
revoked-keys: revoked_keys
groups: {leads: [${IRINA}, ${ANNA}], forcers: [${OLEG}], readers: [nobody@example.com]}
pipelines:
  shop:
    repositories: [/srv/shop.git]
    environments:
      prod:
        hosts: [web-1]
        approvals: [{count: 1, group: leads}, {count: 1, group: readers, by: unverified}]
        force: {group: forcers, gates: [e2e]}
        may: {rollback: [leads]}
`;
let folder: string;
let policy: string;
let signers: string;
let revoked: string;
/** `type base64` of a person's key. */
const keyOf: Record<string, string> = {};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slw-signers-'));
  policy = path.join(folder, 'policy.yaml');
  signers = path.join(folder, 'allowed_signers');
  revoked = path.join(folder, 'revoked_keys');
  for (const name of [IRINA, OLEG, ANNA]) {
    const line = await givePersonKey(path.join(folder, name), name);
    keyOf[name] = line.split(' ').slice(1, 3).join(' ');
  }
});
beforeEach(async () => {
  await rm(signers, { recursive: true, force: true });
  await rm(revoked, { force: true });
  await writeFile(policy, POLICY);
  await writeFile(signers, [IRINA, OLEG, ANNA].map(lineOf).join(''));
  await exec('ssh-keygen', ['-q', '-k', '-f', revoked]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const lineOf = (name: string): string => `${name} ${keyOf[name]}\n`;
const ofWorker = () => createPolicyStore(policy, { isDemo: false }).checkSigners();
const check = () => slipway(['policy', 'check', policy, '--json'], { cwd: folder });

/** What both say: nothing, warnings, or why it is refused. */
async function bothSay(): Promise<unknown> {
  const told: unknown[] = await ofWorker().catch((error: Error) => [error.message]);
  const { data, error } = readJson(await check());
  const warnings = (data as { warnings?: unknown[] } | null)?.warnings ?? [
    `${String(error?.['where'])}: ${String(error?.['what'])}; ${String(error?.['wayOut'])}`,
  ];
  expect(warnings).toEqual(told);
  return told;
}

describe('the files of signers', () => {
  it('are good where everybody can sign who should', async () => {
    expect(await bothSay()).toEqual([]);
  });

  it('that are missing, unreadable or writable by others are refused at their line, with the way out', async () => {
    await rm(signers);
    expect(await bothSay()).toEqual([
      `${policy}:1:18: allowed-signers: there is no file ${signers}; put it there on the worker, or correct its name (docs/approvals.md#allowed_signers)`,
    ]);
    await mkdir(signers);
    expect(await bothSay()).toEqual([
      expect.stringContaining(`${policy}:1:18: allowed-signers: ${signers} cannot be read (EISDIR); `),
    ]);
    await rm(signers, { recursive: true });
    await writeFile(signers, '', { mode: 0o600 });
    await chmod(signers, 0o666);
    expect(await bothSay()).toEqual([
      `${policy}:1:18: allowed-signers: ${signers} may be written by others (mode 666); chmod go-w ${signers} on the worker`,
    ]);
    await chmod(signers, 0o600);
    await rm(revoked);
    expect(await bothSay()).toEqual([
      expect.stringContaining(`${policy}:2:15: revoked-keys: there is no file ${revoked}; `),
    ]);
    await writeFile(revoked, 'what is this\n');
    expect(await bothSay()).toEqual([
      expect.stringMatching(
        /:2:15: revoked-keys: .* is no list of revoked keys.*; make it again on the worker: /,
      ),
    ]);
    await writeFile(revoked, 'SSHKRL\n\0 and then noise');
    expect(await bothSay()).toEqual([expect.stringMatching(/revoked-keys: .* is no list of revoked keys/)]);
  });

  it.each([
    ['may: {rollback: [forcers]}', 'nobody of forcers can sign that they roll back'],
    ['force: {group: forcers, gates: [e2e]}', 'nobody of forcers can sign a force'],
    ['approvals: 3', '3 approvals are asked for, and allowed_signers knows 2 people who can sign them'],
  ])('that leave %s to nobody are refused', async (rule, what) => {
    const [head = ''] = POLICY.split('        approvals:');
    await writeFile(policy, `${head}        ${rule}\n`);
    await writeFile(signers, [IRINA, ANNA].map(lineOf).join(''));
    const answer = readJson(await check());
    expect(answer.error?.['what']).toContain(what);
    await writeFile(signers, `*@example.com ${keyOf[OLEG]}\n`);
    expect(await check()).toMatchObject({ exit: 0 });
  });

  it.each([
    [
      'no line',
      () => '',
      'approvals, switches, rollbacks and freezes: no line of allowed_signers is of that name',
    ],
    [
      'a line for something else',
      (key: string) => `${IRINA} namespaces="approval@slipway" ${key}`,
      'switches, rollbacks and freezes: no line of that name is for namespaces="decision@slipway"',
    ],
    [
      'a line with other letters',
      (key: string) => `Irina@example.com ${key}`,
      'approvals, switches, rollbacks and freezes: no line of allowed_signers is of that name, but one of Irina@example.com: upper and lower case differ',
    ],
    [
      'a line that has ended',
      (key: string) => `${IRINA} valid-before="20200101Z" ${key}`,
      'approvals, switches, rollbacks and freezes: the last key of that name was valid before 2020-01-01T00:00:00.000Z',
    ],
  ])('warn of a member with %s, by name and group', async (_, line, why) => {
    await writeFile(signers, `${lineOf(OLEG)}${lineOf(ANNA)}${line(keyOf[IRINA] ?? '')}\n`);
    expect(await bothSay()).toEqual([
      `${policy}:3:18: ${IRINA} of group leads cannot sign ${why}; mend ${signers} (docs/approvals.md#allowed_signers), or take the name out of the group`,
    ]);
  });

  it.each(['in a binary list', 'in a list of keys'])(
    'warn of a member whose only key is revoked %s',
    async (how) => {
      await writeFile(policy, POLICY.replace(`forcers: [${OLEG}]`, `forcers: [${OLEG}, ${ANNA}]`));
      if (how.includes('binary')) await revokeKey(revoked, path.join(folder, OLEG));
      else await writeFile(revoked, `# gone\n${keyOf[OLEG]} oleg\n`);
      expect(await bothSay()).toEqual([
        expect.stringContaining(
          `${OLEG} of group forcers cannot sign forces: every key of that name is revoked`,
        ),
      ]);
    },
  );

  it('that leave too few for a rule are an error to the check, and told by the worker', async () => {
    await writeFile(signers, lineOf(OLEG));
    const rule = `${policy}:10:29: pipelines.shop.environments.prod.approvals[0].count: 1 approval of group leads is asked for`;
    const wayOut =
      'mend allowed_signers (docs/approvals.md#allowed_signers), add people to the group, or lower count';
    const [first, may, ...silent] = await ofWorker();
    expect(first).toBe(`${rule}, and none of the 2 in it can sign it; ${wayOut}`);
    expect(may).toContain('nobody of leads can sign that they roll back');
    expect(silent).toHaveLength(2);
    const { exit, error } = readJson(await check());
    expect([
      exit,
      `${String(error?.['where'])}: ${String(error?.['what'])}; ${String(error?.['wayOut'])}`,
    ]).toEqual([2, first]);
  });

  it('that break while a worker runs are its fault, and nobody else’s', async () => {
    const loaded = await createPolicyStore(policy, { isDemo: false }).read();
    if (loaded === null) throw new Error('there is a policy');
    const namespace = 'approval@slipway';
    const said = await signText('{}', { namespace, keyFile: path.join(folder, IRINA) });
    const ask = () => findSigner(loaded, said, { namespace, by: IRINA });
    expect(await ask()).toMatchObject({ isGood: true });
    await chmod(signers, 0o666);
    expect(await ask()).toEqual({
      isGood: false,
      why: `the worker cannot check signatures: ${signers} may be written by others (mode 666)`,
      wayOut: `chmod go-w ${signers} on the worker`,
    });
    await chmod(signers, 0o600);
    await revokeKey(revoked, path.join(folder, IRINA));
    expect(await ask()).toMatchObject({ why: 'the signature does not hold: its key is revoked' });
    for (const noise of ['what is this\n', 'SSHKRL\n\0 and then noise']) {
      await writeFile(revoked, noise);
      expect(await ask()).toMatchObject({
        why: expect.stringContaining(`${revoked} is no list of revoked keys`) as unknown,
        wayOut: expect.stringContaining(`ssh-keygen -k -f ${revoked}`) as unknown,
      });
    }
    await rm(signers);
    expect(await ask()).toMatchObject({
      why: expect.stringContaining(`there is no file ${signers}`) as unknown,
    });
  });
});

/** Each line, and whether OpenSSH takes irina's signature for an approval by it. */
const LINES: [string, (key: string, other: string) => string][] = [
  ['as it is published', (key) => `${IRINA} ${key} irina's laptop`],
  ['of a pattern', (key) => `*@example.com ${key}`],
  ['of a list with her left out', (key) => `*@example.com,!${IRINA} ${key}`],
  ['in quotes', (key) => `"${IRINA},anna@example.com" ${key}`],
  ['of somebody else', (key) => `anna@example.com ${key}`],
  ['with other letters', (key) => `Irina@example.com ${key}`],
  ['for this', (key) => `${IRINA} namespaces="git,approval@*" ${key}`],
  ['for something else', (key) => `${IRINA} namespaces="git" ${key}`],
  ['with more options', (key) => `${IRINA} NAMESPACES="approval@slipway",valid-before="20990101" ${key}`],
  ['that has ended', (key) => `${IRINA} valid-before="202001011200Z" ${key}`],
  ['that has not begun', (key) => `${IRINA} valid-after="20990101" ${key}`],
  ['with a time nobody can read', (key) => `${IRINA} valid-before="2099-01-01" ${key}`],
  ['that is a comment', (key) => `# ${IRINA} ${key}`],
  ['that is no key', () => `${IRINA} ssh-ed25519 AAAAnonsense`],
  ['below one that nobody can read', (key) => `${IRINA} ssh-ed25519 AAAA\n\t${IRINA}\t${key}\r`],
];

describe('a line of allowed_signers', () => {
  it.each(LINES)('%s is read as OpenSSH reads it', async (_, line) => {
    await writeFile(signers, `${line(keyOf[IRINA] ?? '', keyOf[OLEG] ?? '')}\n`);
    const namespace = 'approval@slipway';
    const said = await signText('{}', { namespace, keyFile: path.join(folder, IRINA) });
    const loaded = {
      content: { pipelines: new Map() },
      allowedSigners: signers,
      revokedKeys: null,
      hash: '',
    };
    const { isGood } = await findSigner(loaded, said, { namespace, by: IRINA });
    const nowMs = Date.now();
    const ours = readSignerLines(await readFile(signers, 'utf8')).some(
      (each) =>
        each.names(IRINA) &&
        each.isFor(namespace) &&
        each.validFromMs <= nowMs &&
        nowMs < each.validUntilMs &&
        each.key === keyOf[IRINA],
    );
    expect(ours).toBe(isGood);
  });
});
