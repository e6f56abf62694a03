/**
 * Names and texts that somebody chose to do harm: branches, tags, addresses, commit messages, what hosts and gates print.
 * Nothing of it reaches a shell, a terminal, the Temporal UI or a CI runner as anything but text.
 */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ReleaseWish, SlipwayClient } from '../../client/release-client.js';
import {
  type BadLuckScene,
  type BadLuckStage,
  setBadLuckScene,
  setBadLuckStage,
  UNTOUCHED,
} from '../support/bad-luck-scene.js';
import { plantToken } from '../support/planted.js';
import { readOrNull } from '../support/processes.js';
import { readJson } from '../support/slipway-command.js';

/** Would run `reboot` wherever it is not quoted, sent by stdin or evaluated. */
const SECRET = `${plantToken('line one ')}\n'; reboot; '\n$(reboot) \`reboot\` "; reboot; "\nslipway-end\n\\`;

let stage: BadLuckStage;
let scene: BadLuckScene;
beforeAll(async () => {
  stage = await setBadLuckStage({ HOSTILE_SECRET: SECRET });
});
afterAll(() => stage.stop());
beforeEach(async () => {
  scene = await setBadLuckScene(stage);
});
afterEach(() => scene.end());

// oxlint-disable-next-line no-control-regex -- what a terminal would obey, line breaks aside
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

async function nameBranch(name: string, commit: string): Promise<void> {
  await scene.repository.git('update-ref', `refs/heads/${name}`, commit);
}

async function expectNothingRan(): Promise<void> {
  expect(await stage.rebooted()).toBe(false);
  expect(await scene.released()).toEqual([]);
  expect(await scene.environment()).toMatchObject(UNTOUCHED);
}

describe('a branch that git permits', () => {
  test.each([
    '$(reboot)',
    '`reboot`',
    '$(touch${IFS}pwned);reboot',
    "';reboot;'",
    '";reboot;"',
    '&reboot|reboot',
    '<img-src=x>',
    '#reboot',
    '!reboot',
    'ünï-名-🚀',
    'x'.repeat(200),
  ])('%s is released, and is nothing but a name', async (name) => {
    const seen = path.join(stage.folder, `ref-${randomUUID()}`);
    const { home } = scene.sshd;
    const commit = await scene.commitPipeline({
      top: `gates: { seen: { run: 'printf %s "$SLIPWAY_REF" >${seen}' } }\nrelease: { gates: [seen] }`,
      environment: '    secrets: { HOSTILE: env:HOSTILE_SECRET }',
      command: `touch ${home}/app-{commit}; printf %s "$HOSTILE" >${home}/secret`,
    });
    await nameBranch(name, commit);
    const plan = await scene.run('plan', `refs/heads/${name}`, '--to', 'prod');
    const answer = await scene.run('release', `refs/heads/${name}`, '--to', 'prod');
    expect(answer).toMatchObject({ exit: 0, err: '' });
    expect(await scene.released()).toEqual([`app-${commit}`]);
    expect(await readFile(seen, 'utf8')).toBe(name);
    expect(await readFile(path.join(home, 'secret'), 'utf8')).toBe(SECRET);
    expect(await scene.photographHost()).not.toContainEqual(expect.stringContaining('pwned'));
    expect(await stage.rebooted()).toBe(false);
    // what the plan says to type is typed into a shell
    const [, typed = ''] = /Do it: slipway release (.*) --to prod/.exec(plan.out) ?? [];
    expect(typed).toMatch(/^(?:[\w./@+=,-]+|'(?:[^']|'\\'')*')$/);
  });

  test.each(['$(reboot)', '`reboot`', "';reboot;'"])(
    '%s is refused where the file puts it into a command, with the place',
    async (name) => {
      await nameBranch(name, await scene.commitPipeline({ command: 'touch app-{branch}' }));
      const answer = readJson(await scene.run('release', `refs/heads/${name}`, '--to', 'prod', '--json'));
      expect(answer).toMatchObject({ ok: false, exit: 2 });
      expect(answer.error).toMatchObject({
        what: expect.stringContaining('{branch} is "'),
        where: expect.stringMatching(/^slipway\.yaml:\d+:\d+$/),
        wayOut: expect.stringContaining('leave {branch} out'),
      });
      await expectNothingRan();
    },
  );
});

describe('a request of somebody who writes a client of their own', () => {
  const COMMIT = '{commit}';
  const REQUESTS: [string, Partial<ReleaseWish>, RegExp][] = [
    [
      'a branch that is an option',
      { ref: { kind: 'branch', name: '--upload-pack=reboot' } },
      /cannot be the name of a branch/,
    ],
    [
      'a branch with a line break',
      { ref: { kind: 'branch', name: 'main\n$(reboot)' } },
      /cannot be the name of a branch/,
    ],
    [
      'a tag with a command in it',
      { ref: { kind: 'tag', name: 'v1$(reboot)' } },
      /there is no tag v1\$\(reboot\)|a tag becomes the version/,
    ],
    [
      'a version with a command in it',
      { version: 'v1$(reboot)' },
      /is called [0-9a-f]{7}, not "v1\$\(reboot\)"/,
    ],
    ['a version with an escape', { version: 'v1\u001b[2J' }, /is called [0-9a-f]{7}, not "v1\\u001b\[2J"/],
    [
      'a repository that is an option',
      { repositoryUrl: '--upload-pack=reboot' },
      /is not a repository the worker may fetch from/,
    ],
    [
      'a repository that is a program',
      { repositoryUrl: 'ext::sh -c reboot% &' },
      /is not a repository the worker may fetch from/,
    ],
    [
      'a repository behind an option of ssh',
      { repositoryUrl: 'ssh://-oProxyCommand=reboot/x' },
      /is not a repository/,
    ],
    [
      'a repository with a password',
      { repositoryUrl: 'https://ci:S3cret@127.0.0.1:1/x' },
      /has a password in it/,
    ],
    [
      'a file out of the repository',
      { file: '../../../../etc/passwd' },
      /is not a path inside the repository/,
    ],
    ['a file that is an option', { file: '--output=/tmp/x' }, /is not a path inside the repository/],
    ['a file in .git', { file: '.git/config' }, /is not a path inside the repository/],
    ['a commit that is an option', { commit: '--output=/tmp/x' }, /is not a full commit id/],
    ['an environment with a command in it', { to: ['$(reboot)'] }, /there is no environment \$\(reboot\)/],
  ];

  test.each(REQUESTS)('%s is refused by the worker', async (_name, wish, told) => {
    const commit = await scene.commitPipeline();
    const client = await SlipwayClient.connect({
      ...{ pipeline: scene.pipeline, by: 'oleg\u001b[2J\n::error::x' },
      env: { TEMPORAL_ADDRESS: stage.temporal },
    });
    const started = await client.startRelease({
      ...{
        repositoryUrl: scene.repository.folder,
        file: 'slipway.yaml',
        version: commit.slice(0, 7),
        to: ['prod'],
      },
      ref: { kind: 'branch', name: 'main' },
      ...wish,
      commit: (wish.commit ?? COMMIT).replace(COMMIT, commit),
    });
    const handle = client.link.client.workflow.getHandle(started.workflowId);
    const failure: unknown = await handle.result().catch((error: unknown) => error);
    expect(failure).toMatchObject({ cause: { type: 'ReleaseFailed', message: expect.stringMatching(told) } });
    expect(JSON.stringify(failure)).not.toContain('S3cret');
    const { raw, memo } = await handle.describe();
    expect(String(memo?.['report'])).not.toMatch(OBEYED);
    const title = Buffer.from(raw.executionConfig?.userMetadata?.summary?.data ?? []).toString();
    // oxlint-disable-next-line no-control-regex -- as its JSON is not shown
    expect(JSON.parse(title)).not.toMatch(/[\u0000-\u001f<>`*[\]]/);
    await client.close();
    await expectNothingRan();
  });
});

describe("other people's text", () => {
  const NASTY =
    '\u001b[31mred\u001b]0;title\u0007 $(reboot) \u001b[2Jgone \u009b1m `tick` ``` **b** <img src=x> [a](javascript:1) ::error::x ##[add-mask]a \u202egpj';

  test('a commit goes through a whole release with it, and shows none of it', async () => {
    const commit = await scene.commitPipeline(
      {},
      `fix: ${NASTY}`,
      `A \u001b[1mnna \`x\` $(reboot) <anna@example.com>`,
    );
    const answer = await scene.runWith({ GITHUB_ACTIONS: 'true' }, 'release', 'main', '--to', 'prod');
    expect(answer).toMatchObject({ exit: 0, err: '' });
    expect(await scene.released()).toEqual([`app-${commit}`]);
    const plan = await scene.run('plan', 'main', '--to', 'prod');
    const status = await scene.run('status', 'prod');
    const json = await scene.run('status', 'prod', '--json');
    for (const screen of [answer.out, plan.out, status.out, json.out]) {
      expect(screen).not.toBe('');
      expect(screen).not.toMatch(OBEYED);
    }
    expect(plan.out).toContain('$(reboot)');
    expect(answer.out).not.toMatch(/^\s*::|##\[/m);
    expect(await stage.rebooted()).toBe(false);
  });

  test('what a failing command prints is told to a GitHub job, and is no command to its runner', async () => {
    const job = path.join(stage.folder, randomUUID());
    const files = { GITHUB_OUTPUT: `${job}-output`, GITHUB_STEP_SUMMARY: `${job}-summary` };
    for (const file of Object.values(files)) await writeFile(file, '');
    const lines = [
      '::set-output name=digest::evil',
      '   ::stop-commands::x',
      'x ##[add-mask]a',
      'state=succeeded',
      '```',
      '# head',
      '<script>alert(1)</script>',
      '\u001b[2J\u001b]0;t\u0007\u009b1m',
      'last ::error file=x::evil %0A::error::two',
    ];
    await writeFile(path.join(scene.sshd.home, 'print'), `${lines.join('\n')}\n`);
    await scene.commitPipeline({ command: `cat ${scene.sshd.home}/print; exit 7` });
    const answer = await scene.runWith(
      { GITHUB_ACTIONS: 'true', CI: 'true', ...files },
      ...['release', 'main', '--to', 'prod', '--until', 'done'],
    );
    expect(answer.exit).toBe(3);
    const said = `${answer.out}\n${answer.err}`;
    for (const line of ['stop-commands::x', '[add-mask]a', 'last ::error file=x::evil'])
      expect(said).toContain(line);
    expect(said).not.toMatch(OBEYED);
    const obeyed = said
      .split(/[\r\n]/)
      .filter((line) => /^\s*::[^:]+.*::/.test(line) || /##\[[^\]]+\]/.test(line));
    expect(obeyed).toHaveLength(1);
    expect(obeyed[0]).toMatch(/^::error file=slipway\.yaml,title=slipway::/);
    const outputs = await readFile(files.GITHUB_OUTPUT, 'utf8');
    expect(outputs).toMatch(/^state=[a-z-]+\nurl=http:\/\/\S+\ndigest=sha256:[0-9a-f]{64}\n$/);
    const summary = await readFile(files.GITHUB_STEP_SUMMARY, 'utf8');
    expect(summary).not.toMatch(OBEYED);
    expect(summary.split('\n').filter((line) => line.startsWith('```')).length % 2).toBe(0);
    expect(summary.replaceAll(/```[\s\S]*?```/g, '')).not.toMatch(/(?<!\\)<|^# /m);
    expect(await readOrNull(path.join(stage.folder, 'rebooted'))).toBeNull();
  });
});
