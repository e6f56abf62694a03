/**
 * Every mistake a person can make in the pipeline file, through the command: what, where and the way out, exit 2, and
 * nothing touched. Every rule of the file by itself: unit/pipeline.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BadInputScene, GOOD_FILE, refusalOf, setBadInputScene } from '../support/bad-input-scene.js';
import { like, type Told } from '../support/told.js';
import { slipway } from '../support/slipway-command.js';

// git and the first load of a command take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let scene: BadInputScene;
beforeEach(async () => {
  scene = await setBadInputScene();
});
afterEach(() => scene.end());

/** Levels of ten aliases each: 10⁹ values out of a kilobyte. */
function aliasBomb(): string {
  const levels = ['x-0: &l0 [a, a, a, a, a, a, a, a, a, a]'];
  for (let level = 1; level <= 9; level += 1)
    levels.push(`x-${level}: &l${level} [${Array.from({ length: 10 }, () => `*l${level - 1}`).join(', ')}]`);
  return `${levels.join('\n')}\n${GOOD_FILE}`;
}

const inStage = (line: string): string =>
  GOOD_FILE.replace('    hosts: [local]', `    ${line}\n    hosts: [local]`);
const swap = (from: string, to: string): string => GOOD_FILE.replace(from, to);

const FILES: [string, string | Uint8Array, Told][] = [
  [
    'an unknown key',
    inStage('start_period: 60s'),
    { what: /environments\.stage\.start_period: no such key/, where: /:8:5$/, wayOut: /slipway schema/ },
  ],
  [
    'an unknown key with a near one',
    inStage('on_failure: hold'),
    {
      what: /on_failure: no such key.*Did you mean on-failure\?/,
      where: /:8:5$/,
      wayOut: /correct it and commit/,
    },
  ],
  [
    'a key twice',
    inStage('url: http://127.0.0.1:2'),
    { what: /this key is here twice; keep one/, where: /:11:5$/, wayOut: /correct it and commit/ },
  ],
  [
    'an environment twice',
    `${GOOD_FILE}  prod: {}\n`,
    { what: /this key is here twice; keep one/, where: /:19:3$/, wayOut: /correct it and commit/ },
  ],
  [
    'a check twice in a list',
    swap('checks: [/health]', 'checks: [/health, /health]'),
    { what: /\/health is in this list twice/, where: /:11:23$/, wayOut: /correct it and commit/ },
  ],
  [
    'a circle of after',
    inStage('after: prod'),
    {
      what: /circle: stage after prod after stage; take one of these after out/,
      where: /:\d+:\d+$/,
      wayOut: /correct it/,
    },
  ],
  [
    'a duration without its unit',
    inStage('timeout: "30"'),
    {
      what: /"30" is not a duration; write 500ms, 10s.*Did you mean 30s\?/,
      where: /:8:14$/,
      wayOut: /correct it and commit/,
    },
  ],
  [
    'a duration in words',
    inStage('timeout: 5 minutes'),
    {
      what: /"5 minutes" is not a duration.*Did you mean 5m\?/,
      where: /:8:14$/,
      wayOut: /correct it and commit/,
    },
  ],
  [
    'a template nobody knows',
    swap('deploy {tag}', 'deploy {digets}'),
    {
      what: /\{digets\} is no template name here.*Did you mean \{digest\}\?/,
      where: /:9:25$/,
      wayOut: /correct it and commit/,
    },
  ],
  [
    'a secret written down',
    inStage('secrets: {TOKEN: "ghp_S3cretS3cret"}'),
    { what: /a secret is never written into this file; say where it is: env:/, where: /:8:22$/, wayOut: /./ },
  ],
  [
    'a check that nobody defined',
    swap('checks: [/health]', 'checks: [smoek]'),
    {
      what: /no check is called smoek; known: smoke.*Did you mean smoke\?/,
      where: /:11:14$/,
      wayOut: /correct it and commit/,
    },
  ],
  [
    'an image with a command in it',
    swap('{folder: app}', '"ghcr.io/acme/shop$(reboot)"'),
    {
      what: /"ghcr\.io\/acme\/shop\$\(reboot\)" is no image repository/,
      where: /:2:8$/,
      wayOut: /correct it/,
    },
  ],
  [
    'an image folder out of the repository',
    swap('{folder: app}', '{folder: ../../etc}'),
    { what: /must be a path inside the repository/, where: /:2:17$/, wayOut: /correct it/ },
  ],
  [
    'a host that ssh would read as an option',
    swap('hosts: [local]', 'hosts: ["-oProxyCommand=reboot"]'),
    {
      what: /"-oProxyCommand=reboot" is no host; write host, user@host/,
      where: /:8:13$/,
      wayOut: /correct it/,
    },
  ],
  [
    'a branch pattern with a command in it',
    swap('{branch: "*"}', '{branch: "$(reboot)"}'),
    { what: /"\$\(reboot\)" is no pattern of branch or tag names/, where: /:7:20$/, wayOut: /correct it/ },
  ],
  [
    'a variable with a line break in its name',
    inStage('secrets: {"A\\nB": "env:A"}'),
    { what: /./, where: /:8:\d+$/, wayOut: /correct it/ },
  ],
  [
    'a path with a line break',
    swap('{command: "deploy {tag}"}', '{stack: "deploy/a\\nb.yml"}'),
    { what: /must be one line of text without control characters/, where: /:9:23$/, wayOut: /correct it/ },
  ],
  [
    '10 MB',
    Buffer.alloc(10_000_000, 'a: b\n'),
    {
      what: /is 10\.0 MB; a pipeline file has at most 256 KB\. Is this/,
      where: /:1:1$/,
      wayOut: /correct it/,
    },
  ],
  [
    'bytes that are not UTF-8',
    Buffer.concat([Buffer.from(GOOD_FILE), Buffer.from([0x78, 0x2d, 0x3a, 0xff, 0xfe, 0x0a])]),
    { what: /is not UTF-8 text; save it as UTF-8/, where: /:19:1$/, wayOut: /correct it/ },
  ],
  [
    'an alias bomb',
    aliasBomb(),
    {
      what: /aliases cannot be resolved: .*; at most 100 are, write the others out/,
      where: /:\d+:\d+$/,
      wayOut: /correct it/,
    },
  ],
  [
    'an alias inside itself',
    swap('checks: [/health]', 'checks: &a [*a]'),
    { what: /must be text, but is a list/, where: /:11:17$/, wayOut: /correct it/ },
  ],
  ['nothing', '', { what: /is empty; .*slipway init writes one/, where: /:1:1$/, wayOut: /correct it/ }],
  [
    'half of YAML',
    swap('checks: [/health]', 'checks: [/health'),
    { what: /is not YAML: /, where: /:\d+:\d+$/, wayOut: /correct it/ },
  ],
];

describe('a pipeline file with', () => {
  it.each(FILES)('%s', async (_name, content, told) => {
    // as bytes: a text would be written as UTF-8
    await scene.repository.commit('feat: one', { 'app/a': '1', 'slipway.yaml': content });
    expect(await refusalOf(scene, ['main'])).toMatchObject(
      like({
        ...told,
        where: new RegExp(`^slipway\\.yaml${told.where.source}`),
      }),
    );
  });

  it('a database that nobody knows how to ask leads to the page about that', async () => {
    const text = swap('smoke: {run: ./smoke.sh}', 'migrated: {migrations: applied}');
    const content = text.replace('checks: [/health]', 'checks: [/health, migrated]');
    await scene.repository.commit('feat: one', { 'app/a': '1', 'slipway.yaml': content });
    expect(await refusalOf(scene, ['main'])).toMatchObject({
      what: expect.stringContaining('nothing says how it is asked') as string,
      docs: 'docs/databases.md#migrations-applied',
    });
  });

  it('many mistakes tells the first, counts the others, and lists each with its place', async () => {
    const text = inStage('queue: lifo').replace('{tag: "v*.*.*"}', '{tga: "v*"}').replace('after:', 'aftr:');
    await scene.repository.commit('feat: one', { 'slipway.yaml': text });
    const answer = await slipway(['release', 'main'], {
      cwd: scene.repository.folder,
      env: { TEMPORAL_ADDRESS: scene.temporal, GITHUB_ACTIONS: 'true' },
    });
    expect(answer).toMatchObject({ exit: 2, out: '' });
    expect(answer.err).toMatch(
      /^✗ environments\.stage\.queue: must be newest or fifo\. Did you mean fifo\? \(and 2 more\)$/m,
    );
    for (const line of [8, 14, 15]) expect(answer.err).toMatch(new RegExp(`slipway\\.yaml:${line}:\\d+\\s`));
    expect(answer.err).toMatch(
      /^::error file=slipway\.yaml,line=8,col=12,title=slipway::.*queue: must be newest or fifo/m,
    );
    expect(scene.connections()).toBe(0);
  });
});
