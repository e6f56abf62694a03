import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadPipeline } from '../../../pipeline/index.js';
import { slipway } from '../../support/slipway-command.js';

const exec = promisify(execFile);

// git and the first load of a command take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

describe('a first pipeline file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'slipway-init-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function write(files: Record<string, string>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
  }

  /** Writes the file, which must load, and from which a release must be planned once it is committed. */
  async function init(): Promise<string> {
    const git = (words: string[]) => exec('git', words);
    const as = ['-C', folder, '-c', 'user.name=Anna', '-c', 'user.email=anna@example.com'];
    await git(['init', '--quiet', '--initial-branch', 'main', folder]);
    await git([...as, 'add', '--all']);
    const run = await slipway(['init'], { cwd: folder });
    expect(run, run.err).toMatchObject({ exit: 0 });
    await git([...as, 'add', '--all']);
    await git([...as, 'commit', '--quiet', '--message', 'feat: pipeline']);
    await git([...as, 'tag', 'v1.0.0']);
    const env = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const plans = [await slipway(['plan', 'main'], { cwd: folder, env })];
    if (readFileSync(path.join(folder, 'slipway.yaml'), 'utf8').includes('tag: "v'))
      plans.push(await slipway(['plan', 'v1.0.0', '--to', 'prod'], { cwd: folder, env }));
    for (const plan of plans) expect(plan, plan.err + plan.out).toMatchObject({ exit: 0, err: '' });
    const text = readFileSync(path.join(folder, 'slipway.yaml'), 'utf8');
    const loaded = loadPipeline(Buffer.from(text), 'slipway.yaml');
    expect(loaded.ok ? [] : loaded.errors, text).toEqual([]);
    return text;
  }

  it('is valid even when there is nothing to find', async () => {
    const text = await init();
    expect(text).toContain('# CHANGE');
    expect(text).toContain('platform: {swarm:');
  });

  it('takes image, port and platform from stack files, environments from workflows', async () => {
    write({
      Dockerfile: 'FROM scratch\n',
      'deploy/swarm/stage.yml':
        'services:\n  app:\n    image: cr.example.com/team/shop:${IMAGE_TAG}\n    ports: ["8080:80"]\n  db: {image: postgres:15}\n',
      'deploy/swarm/prod.yml': 'services:\n  app:\n    image: cr.example.com/team/shop:${IMAGE_TAG}\n',
      '.github/workflows/cd.yml': 'on:\n  push:\n    branches: [main]\n    tags: ["v*"]\n',
    });
    const text = await init();
    expect(text).toContain('image: cr.example.com/team/shop\n');
    expect(text).toContain('registry: {username: token, password: env:REGISTRY_PASSWORD}');
    expect(text).toContain('platform: {stack: deploy/swarm/stage.yml,');
    expect(text).toContain('platform: {stack: deploy/swarm/prod.yml,');
    expect(text).toContain('from: {tag: "v*.*.*"}');
    expect(text).toContain('http://prod.example.com:8080');
  });

  it('takes blue and green stack files as one environment in two colours', async () => {
    const stack = 'services:\n  app:\n    image: cr.example.com/team/shop:${IMAGE_TAG}\n';
    const names = ['dev', 'stage', 'prod-blue', 'prod-green'];
    write(Object.fromEntries(names.map((name) => [`deploy/swarm/${name}.yml`, stack])));
    const text = await init();
    expect(text).toMatch(
      /dev:\n {4}from: \{branch: develop\}[^]*stage:\n {4}from: \{branch: main\}[^]*prod:\n {4}from: \{tag: /,
    );
    expect(text).toContain('stack: "deploy/swarm/prod-{colour}.yml"');
    expect(text).toContain('strategy: blue-green');
    expect(text).toContain('after: stage');
  });

  it('takes a compose file as a compose project', async () => {
    write({
      'docker-compose.yml': 'services:\n  web:\n    build: .\n    ports: ["3000:3000"]\n',
      'docker/Dockerfile': 'FROM scratch\n',
    });
    const text = await init();
    expect(text).toMatch(/platform: \{compose: \/opt\/[\w-]+, file: docker-compose\.yml\}/);
    expect(text).toContain('dockerfile: docker/Dockerfile');
    expect(text).toContain(':3000');
  });

  it('survives files that are no YAML', async () => {
    write({
      'compose.yaml': 'services: [',
      '.github/workflows/x.yml': '\t: {',
      'deploy/a.yml': 'services:\n  x: *nowhere\n',
    });
    expect(await init()).toContain('platform: {');
  });

  it('never overwrites', async () => {
    write({ 'slipway.yaml': 'pipeline: mine\n' });
    const run = await slipway(['init'], { cwd: folder });
    expect(run).toMatchObject({ exit: 2, out: '' });
    expect(run.err).toContain('there is a file already; it was left as it is');
    expect(readFileSync(path.join(folder, 'slipway.yaml'), 'utf8')).toBe('pipeline: mine\n');
  });
});
