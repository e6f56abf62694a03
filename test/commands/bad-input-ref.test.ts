/** Refs, environments, addresses and paths that cannot be, through the command: exit 2, the way out, nothing touched. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BadInputScene, GOOD_FILE, refusalOf, setBadInputScene } from '../support/bad-input-scene.js';
import { like, type Told } from '../support/told.js';

// git and the first load of a command take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let scene: BadInputScene;
beforeEach(async () => {
  scene = await setBadInputScene();
});
afterEach(() => scene.end());

describe('a ref or a flag', () => {
  beforeEach(async () => {
    const commit = await scene.repository.commit('feat: one', { 'app/a': '1', 'slipway.yaml': GOOD_FILE });
    for (const name of [
      'tags/v1.2',
      'tags/v1$(reboot)',
      'tags/release',
      'heads/--upload-pack=reboot',
      'heads/a/b',
    ])
      await scene.repository.git('update-ref', `refs/${name}`, commit);
  });

  const VERSION_FORM = /vMAJOR\.MINOR\.PATCH, such as v1\.2\.3 or v1\.2\.3-beta\.1; did you mean v1\.2\.0\?/;
  const REFS: [string, string[], Told][] = [
    [
      'a malformed tag',
      ['v1.2', '--to', 'prod'],
      { what: /prod does not take tag v1\.2/, where: /^shop$/, wayOut: VERSION_FORM },
    ],
    [
      'a malformed tag that nobody pushed',
      ['v1.3'],
      {
        what: /no branch, tag or commit named v1\.3/,
        where: /^\//,
        wayOut: /form v1\.2\.3; did you mean v1\.3\.0\?/,
      },
    ],
    [
      'a tag with a command in it',
      ['v1$(reboot)'],
      {
        what: /a tag becomes the version/,
        where: /^tag "v1\$\(reboot\)"$/,
        wayOut: /tag the commit again with at most 100 letters/,
      },
    ],
    [
      'a ref no environment takes',
      ['a/b'],
      {
        what: /no environment takes branch a\/b/,
        where: /^shop$/,
        wayOut: /stage takes branch \*, prod takes tag v\*/,
      },
    ],
    [
      'a ref the environment does not take',
      ['main', '--to', 'prod'],
      { what: /prod does not take branch main/, where: /^shop$/, wayOut: /prod takes tag v\*\.\*\.\*/ },
    ],
    [
      'an unknown environment',
      ['main', '--to', 'stgae'],
      {
        what: /there is no environment stgae/,
        where: /^shop$/,
        wayOut: /did you mean stage\? known: stage, prod/,
      },
    ],
    [
      'an environment with a command in it',
      ['main', '--to', '$(reboot)'],
      { what: /there is no environment \$\(reboot\)/, where: /^shop$/, wayOut: /known: stage, prod/ },
    ],
    [
      'an environment with a terminal in it',
      ['main', '--to', '\u001b[2Jx\u009b1m'],
      { what: /there is no environment/, where: /^shop$/, wayOut: /known: stage, prod/ },
    ],
    [
      'a ref that is an option of git',
      ['refs/heads/--upload-pack=reboot'],
      {
        what: /no branch can have this name/,
        where: /^branch "--upload-pack=reboot"$/,
        wayOut: /begins with - .* must be renamed/,
      },
    ],
    [
      'a ref that is a command',
      ['main; reboot'],
      { what: /no branch, tag or commit named main; reboot/, where: /^\//, wayOut: /git fetch --tags/ },
    ],
    [
      'a ref with a line break',
      ['main\n::error::x'],
      { what: /no branch, tag or commit/, where: /^\//, wayOut: /git fetch/ },
    ],
    [
      'a very long ref',
      ['x'.repeat(100_000)],
      { what: /no branch, tag or commit named x{100}…$/, where: /^\//, wayOut: /git fetch/ },
    ],
    [
      'a repository that runs a program',
      ['main', '--repository', 'ext::sh -c reboot% &'],
      { what: /"ext::sh -c reboot% &" is not a repository/, where: /^--repository$/, wayOut: /give https:/ },
    ],
    [
      'a repository that ssh would read as an option',
      ['main', '--repository', 'ssh://-oProxyCommand=reboot/x'],
      { what: /is not a repository/, where: /^--repository$/, wayOut: /user@host:path/ },
    ],
    [
      'a repository with a password',
      ['main', '--repository', 'https://ci:S3cret@example.com/x'],
      { what: /has a password in it/, where: /^--repository$/, wayOut: /give the worker its own login/ },
    ],
    [
      'a file out of the repository',
      ['main', '--file', '../../etc/passwd'],
      {
        what: /there is no \.\.\/\.\.\/etc\/passwd/,
        where: /^commit [0-9a-f]{7} \(branch main\)$/,
        wayOut: /slipway init/,
      },
    ],
    [
      'a file with a line break',
      ['main', '--file', 'a\nb'],
      { what: /there is no a\nb/, where: /^commit/, wayOut: /--file/ },
    ],
  ];

  it.each(REFS)('%s', async (_name, words, told) => {
    expect(await refusalOf(scene, words)).toMatchObject(like(told));
  });

  it.each([
    ['refs/heads/--upload-pack=reboot', /no branch can have this name/],
    ['refs/pull/1/merge', /neither a branch nor a tag/],
    ['$(reboot)', /neither a branch nor a tag/],
  ])('GITHUB_REF=%s', async (ref, what) => {
    await scene.repository.git('checkout', '--quiet', '--detach');
    expect(await refusalOf(scene, [], { GITHUB_REF: ref })).toMatchObject(
      like({ what, where: /./, wayOut: /./ }),
    );
  });

  it.each(['--output=/tmp/x', '$(reboot)', 'HEAD --all'])('GITHUB_SHA=%s', async (sha) => {
    const env = { GITHUB_REF: 'refs/heads/main', GITHUB_SHA: sha };
    expect(await refusalOf(scene, [], env)).toMatchObject(
      like({ what: /no branch, tag or commit named/, where: /^\//, wayOut: /git fetch/ }),
    );
  });
});
