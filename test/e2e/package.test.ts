/** What `npm pack` gives, installed in an empty folder: compiled code, the workflow bundle, no development parts. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/sshd.js';
import { part } from '../support/parts.js';

const exec = promisify(execFile);
let folder: string;
let slipway: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slipway-pack-'));
  const { stdout } = await exec('npm', ['pack', '--json', '--silent', '--pack-destination', folder]);
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await writeFile(path.join(folder, 'package.json'), '{"private": true}');
  await exec('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error', filename], {
    cwd: folder,
  });
  slipway = path.join(folder, 'node_modules/.bin/slipway');
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  test('holds no sources, no tests and no development dependencies', async () => {
    const files = (await readdir(path.join(folder, 'node_modules/slipway'), { recursive: true })).map(String);
    expect(files).toContain('dist/workflow-bundle.js');
    expect(files).toContain('dist/workflow-bundle-sealed.js');
    expect(
      files.filter(
        (file) =>
          file.startsWith('test') ||
          (file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.startsWith('examples')),
      ),
    ).toEqual([]);
    const installed = await readdir(path.join(folder, 'node_modules'));
    expect(installed).not.toContain('vitest');
    expect(installed).not.toContain('typescript');
  });

  test('init writes a file, plan reads it', async () => {
    const team = await mkdtemp(path.join(folder, 'team-'));
    const git = (...args: string[]): Promise<unknown> =>
      exec('git', ['-c', 'user.name=Anna', '-c', 'user.email=anna@acme.example', ...args], { cwd: team });
    await git('init', '--quiet', '--initial-branch', 'main');
    await writeFile(path.join(team, 'Dockerfile'), 'FROM scratch\n');
    await exec(slipway, ['init'], { cwd: team });
    expect(await readFile(path.join(team, 'slipway.yaml'), 'utf8')).toContain('pipeline:');
    const { stdout } = await exec(slipway, ['schema'], { cwd: team });
    expect(JSON.parse(stdout)).toHaveProperty('$schema');
    await writeFile(
      path.join(team, 'slipway.yaml'),
      [
        'pipeline: acme',
        'image: registry.example.com/acme',
        'environments:',
        '  prod:',
        '    from: {branch: main}',
        '    hosts: [deploy@prod.example.com]',
        '    platform: {swarm: acme_web}',
        '    url: https://acme.example.com',
        '    checks: [/health]',
      ].join('\n'),
    );
    await git('add', '--all');
    await git('commit', '--quiet', '--message', 'feat: begin');
    const plan = await exec(slipway, ['plan', '--json'], {
      cwd: team,
      env: { ...process.env, TEMPORAL_ADDRESS: '127.0.0.1:1' },
    });
    expect(JSON.parse(plan.stdout)).toMatchObject({ ok: true, data: { pipeline: 'acme' } });
  });

  test('up serves, and Ctrl-C ends it with 130', async () => {
    const port = String(await freePort());
    const uiPort = String(await freePort());
    const child = spawn(
      slipway,
      ['up', '--json', '--port', port, '--ui-port', uiPort, '--data', path.join(folder, 'data')],
      {
        env: {
          ...process.env,
          TEMPORAL_CLI_PATH: await part('temporal'),
          SLIPWAY_METRICS_ADDRESS: 'off',
          SLIPWAY_HEALTH_ADDRESS: 'off',
        },
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const ended = once(child, 'exit');
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    expect(JSON.parse(line)).toMatchObject({ event: 'ready', address: `127.0.0.1:${port}` });
    child.kill('SIGINT');
    expect((await ended)[0]).toBe(130);
  });
});
