/** Who may be named as `run-as`, and what is tried before anything runs as that user. */
import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { givenJobScene, type JobScene } from '../support/job-users.js';
import { slipway } from '../support/slipway-command.js';

const exec = promisify(execFile);
let scene: JobScene;
beforeEach(async () => {
  scene = await givenJobScene();
});
afterEach(() => scene.stop());

const refused = (message: RegExp) => ({
  type: 'Refused',
  message: expect.stringMatching(message) as unknown,
});
const proveAll = () => scene.jobUsers().proveAll();
const check = () => slipway(['policy', 'check', scene.policyFile], { cwd: scene.folder });

describe('the user of the policy', () => {
  it('is found and proven', async () => {
    expect(await proveAll()).toMatchObject([{ name: 'nobody', uid: 65534, gid: 65534 }]);
    const { exit, out } = await check();
    expect(exit).toBe(0);
    expect(out).toContain('jobs run as nobody');
    expect(out).not.toContain('NOT SEPARATED');
  });

  it('that does not exist is refused, by the worker and by policy check', async () => {
    await scene.writePolicy('run-as: {user: no-such-user}');
    const said = /run-as: there is no user no-such-user on this machine; useradd --system/;
    await expect(proveAll()).rejects.toMatchObject(refused(said));
    await expect(scene.jobUsers().ofGates()).rejects.toMatchObject(refused(said));
    const { exit, err } = await check();
    expect({ exit, err }).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/there is no user no-such-user/) as unknown,
    });
  });

  it('of one environment is looked at as well', async () => {
    await scene.writePolicy('', 'run-as: {user: no-such-user}');
    await expect(proveAll()).rejects.toMatchObject(refused(/no user no-such-user/));
    expect((await check()).exit).toBe(2);
    expect(await scene.jobUsers().ofGates()).toBeNull();
  });

  it('that is root, or the worker itself, is refused', async () => {
    await scene.writePolicy('run-as: {user: root}');
    await expect(proveAll()).rejects.toMatchObject(refused(/root has the rights of root; name a user/));
    expect((await check()).err).toContain('has the rights of root');
  });

  it('that may read the key, or write what decides, is refused by its name', async () => {
    const key = path.join(scene.sealFolder, 'key.pem');
    await chmod(scene.sealFolder, 0o755);
    await chmod(key, 0o644);
    await expect(proveAll()).rejects.toMatchObject(refused(/run-as: nobody may read .*key\.pem; take that/));
    await chmod(key, 0o600);
    await chmod(path.join(scene.folder, 'data'), 0o777);
    await expect(proveAll()).rejects.toMatchObject(refused(/run-as: nobody may write .*data; take that/));
    await chmod(path.join(scene.folder, 'data'), 0o700);
    expect(await proveAll()).toHaveLength(1);
  });

  it('that may change who signs is refused', async () => {
    const signers = path.join(scene.folder, 'signers');
    await writeFile(signers, '');
    await chmod(signers, 0o666);
    await scene.writePolicy('allowed-signers: signers\nrun-as: {user: nobody}');
    await expect(proveAll()).rejects.toMatchObject(refused(/nobody may write .*signers/));
  });

  it('goes on being used while the policy is broken: a way back is not kept up', async () => {
    const users = scene.jobUsers();
    await users.proveAll();
    await writeFile(scene.policyFile, 'broken');
    expect(await users.ofEnvironment({ pipeline: 'shop', name: 'prod' })).toMatchObject({ name: 'nobody' });
    await expect(scene.jobUsers().ofGates()).rejects.toMatchObject({ type: 'Refused' });
  });
});

describe('without a user', () => {
  it('production is said to be NOT SEPARATED, and nothing else is', async () => {
    await scene.writePolicy('');
    const { exit, out } = await check();
    expect(exit).toBe(0);
    expect(out).toContain('NOT SEPARATED: gates and commands on the worker run as its own user');
    await writeFile(
      scene.policyFile,
      'pipelines: {shop: {repositories: [/srv/shop.git], environments: {dev: {hosts: [web-1]}}}}\n',
    );
    expect((await check()).out).not.toContain('NOT SEPARATED');
  });
});

/** The same worker code in a process that may do less. */
async function proveIn(...wrapped: string[]): Promise<string> {
  const text = `
    import { runnerImport } from 'vite';
    const load = (file) => runnerImport(file, { logLevel: 'silent' }).then(({ module }) => module);
    const { createJobUsers } = await load('./activities/job-user/job-users.ts');
    const { createPolicyStore } = await load('./activities/trust/policy-store.ts');
    const store = createPolicyStore(${JSON.stringify(scene.policyFile)}, { isDemo: false });
    const users = createJobUsers(store, ${JSON.stringify({ ...scene.places, secret: [] })});
    console.log(await users.proveAll().then(JSON.stringify, ({ message }) => message));`;
  const node = [process.execPath, '--input-type=module', '-e', text];
  const { stdout } = await exec('env', [...wrapped, ...node]);
  return stdout;
}

describe('a worker', () => {
  const dropping = (capability: string): string[] => [
    'setpriv',
    `--bounding-set=-${capability}`,
    `--inh-caps=-${capability}`,
  ];

  it.each(['setuid', 'setgid', 'chown'])('that may not (%s) refuses, and says the way out', async (right) => {
    expect(await proveIn(...dropping(right))).toMatch(
      /run-as: this worker cannot run commands as nobody \(.*\); start the worker as root, with setpriv/,
    );
  });

  it('that may not make process namespaces does without', async () => {
    expect(await proveIn(...dropping('sys_admin'))).toContain('"hasOwnProcesses":false');
    expect(await proveIn()).toContain('"hasOwnProcesses":true');
  });
});
