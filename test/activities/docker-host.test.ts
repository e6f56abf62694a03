/** The hosts the other tests stand on: apart from each other, reachable, and gone without a trace. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startDockerHost, type DockerHost } from '../support/docker-host.js';
import { until } from '../support/processes.js';

test('two hosts have engines, homes and networks of their own, reach each other, and leave nothing', async () => {
  const [one, two] = await Promise.all([
    startDockerHost({ name: 'one' }),
    startDockerHost({ name: 'two', user: 'root', swarm: false }),
  ]);
  let visitor: ChildProcess;
  try {
    const id = ['info', '--format', '{{.ID}} {{.Swarm.LocalNodeState}}'];
    const [first, second] = [await one.docker(id), await two.docker(id)];
    expect(first.stdout).toContain(' active');
    expect(second.stdout).toContain(' inactive');
    expect(first.stdout.split(' ')[0]).not.toBe(second.stdout.split(' ')[0]);

    await one.run(['sh', '-c', 'echo one > $HOME/who'], { asUser: true });
    expect((await two.run(['sh', '-c', 'cat $HOME/who'])).exitCode).not.toBe(0);
    expect((await one.run(['sh', '-c', 'id -un; echo $HOME'], { asUser: true })).stdout).toBe(
      'deploy\n/home/deploy\n',
    );
    const reach = await one.run([
      'bash',
      '-c',
      `exec 3<>/dev/tcp/${two.address}/22 && read -r line <&3 && echo "$line"`,
    ]);
    expect(reach.stdout).toContain('SSH-2.0');

    await two.killDockerd();
    expect((await two.docker(['info', '--format', '{{.ServerVersion}}'])).stdout).not.toMatch(/\d/);
    await two.startDockerd();
    expect((await two.docker(['info', '--format', '{{.ServerVersion}}'])).stdout).toMatch(/\d/);

    const sshdPid = ['pgrep', '-o', '-x', 'sshd'];
    const before = await two.run(sshdPid);
    await two.dropConnections();
    expect((await two.run(sshdPid)).stdout).toBe(before.stdout);
    await two.killSshd();
    expect((await two.run(sshdPid)).exitCode).toBe(1);
    await two.startSshd();
    expect((await two.run(sshdPid)).exitCode).toBe(0);

    const nap = ['pgrep', '-x', 'nap'];
    await one.run(['sh', '-c', 'cp /bin/sleep /run/nap; /run/nap 1000 >/dev/null 2>&1 &']);
    await until('the nap', async () => (await one.run(nap)).exitCode === 0);
    await one.reboot();
    expect((await one.run(nap)).exitCode).toBe(1);
    expect((await one.docker(id)).stdout).toBe(first.stdout);
    expect((await one.run(['cat', '/home/deploy/who'])).stdout).toBe('one\n');
    expect(await one.findLeftovers()).not.toEqual([]);
    visitor = visit(two);
    await once(visitor, 'spawn');
  } finally {
    await Promise.all([one.stop(), two.stop()]);
  }
  expect(await two.findLeftovers()).toEqual([`process ${visitor.pid} of host two: sleep`]);
  visitor.kill('SIGKILL');
  await once(visitor, 'exit');
  // the kernel gives the number of a namespace that is gone to the next one: whoever gets it is no leftover
  await Promise.all(Array.from({ length: 12 }, () => once(outsider(['unshare', '--mount']), 'spawn')));
  for (const host of [one, two]) {
    expect(existsSync(host.keyPath)).toBe(false);
    expect(existsSync(host.socketPath)).toBe(false);
    expect(await host.findLeftovers()).toEqual([]);
  }
  expect(existsSync(`/sys/class/net/slw-${process.pid}`)).toBe(false);
});

/** A program of ours that looks at the host's files, and outlives the host. */
function visit({ socketPath }: DockerHost): ChildProcess {
  const [, , pid = ''] = socketPath.split('/');
  return outsider(['nsenter', '--target', pid, '--mount']);
}

/** Sleeps in another namespace until the test is over. */
function outsider([program = '', ...argv]: string[]): ChildProcess {
  const child = spawn(program, [...argv, 'sleep', '1000'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
