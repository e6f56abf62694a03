/** The composite action's steps, run as a runner runs them, with the compiled command against a real Temporal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { setClientScene } from '../support/client-scene.js';
import { compileClient } from '../support/compile-client.js';
import { readSnippets } from '../support/doc-snippets.js';

const ACTION = path.resolve('.github/actions/release');

interface Step {
  id?: string;
  if?: string;
  shell?: string;
  uses?: string;
  env?: Record<string, string>;
  with?: Record<string, string>;
  run?: string;
}

interface Action {
  inputs: Record<string, { description: string; default: string }>;
  outputs: Record<string, { value: string }>;
  runs: { using: string; steps: Step[] };
}

const action = parse(readFileSync(path.join(ACTION, 'action.yml'), 'utf8')) as Action;
const scene = setClientScene();
let compiled: string;

beforeAll(async () => {
  compiled = await compileClient();
});
afterAll(() => rmSync(compiled, { recursive: true, force: true }));

interface Job {
  exit: number | null;
  said: string;
  outputs: Record<string, string>;
  summary: string;
  /** Names of files that the job left in the checkout. */
  left: string[];
}

/** `${{ inputs.x }}` and `${{ inputs.x || env.Y }}`: all that the action may use. */
function evaluate(expression: string, inputs: Record<string, string>, env: Record<string, string>): string {
  return expression.replaceAll(
    /\$\{\{ inputs\.([\w-]+)(?: \|\| env\.(\w+))? \}\}/g,
    (_, input: string, name?: string) => {
      const value = inputs[input] ?? action.inputs[input]?.default;
      if (value === undefined) throw new Error(`the action has no input ${input}`);
      return value !== '' || name === undefined ? value : (env[name] ?? '');
    },
  );
}

/** The step `release` as `shell: bash` runs it, in a checkout of the scene's repository. */
async function runJob(inputs: Record<string, string>, env: Record<string, string> = {}): Promise<Job> {
  const step = action.runs.steps.find(({ id }) => id === 'release');
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-job-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [output, summary] = [path.join(folder, 'output'), path.join(folder, 'summary')];
  const { SLIPWAY_ACTOR: _, ...job } = scene.env('nobody', {
    ...{ CI: 'true', GITHUB_ACTIONS: 'true', GITHUB_ACTOR: 'irina', GITHUB_REF: 'refs/heads/main' },
    ...{ GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary, GITHUB_ACTION_PATH: ACTION },
    ...{ PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
  });
  const values = { command: `${process.execPath} ${path.join(compiled, 'client/main.js')}`, ...inputs };
  const own = Object.entries(step?.env ?? {}).map(([name, text]) => [name, evaluate(text, values, job)]);
  const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step?.run ?? 'exit 99'], {
    cwd: scene.repository.folder,
    env: { ...job, ...(Object.fromEntries(own) as Record<string, string>) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      said += data.toString();
    });
  const [exit] = (await once(child, 'close')) as [number | null];
  return {
    exit,
    said,
    outputs: existsSync(output) ? readOutputs(readFileSync(output, 'utf8')) : {},
    summary: existsSync(summary) ? readFileSync(summary, 'utf8') : '',
    left: readdirSync(scene.repository.folder).filter(
      (name) => !['.git', 'app', 'slipway.yaml'].includes(name),
    ),
  };
}

function readOutputs(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

describe('the action', () => {
  it('hands values to its scripts as variables only, and every name it uses is there', () => {
    expect(action.runs.using).toBe('composite');
    for (const { run, shell, env } of action.runs.steps) {
      expect(shell).toBe('bash');
      expect(run).not.toContain('${{');
      for (const text of Object.values(env ?? {})) expect(evaluate(text, {}, {})).not.toContain('${{');
    }
    const used = JSON.stringify(action.runs).matchAll(/inputs\.([\w-]+)/g);
    expect([...new Set([...used].map(([, name]) => String(name)))].sort()).toEqual(
      Object.keys(action.inputs).sort(),
    );
    const outputs = Object.entries(action.outputs).map(([name, { value }]) => [name, value]);
    expect(outputs).toEqual(
      ['state', 'url', 'digest'].map((name) => [name, `\${{ steps.release.outputs.${name} }}`]),
    );
  });

  it('builds the command from its own checkout, where the script finds it', () => {
    const [install, release] = action.runs.steps;
    expect(install).toMatchObject({ if: "inputs.command == ''" });
    const [, program] = /"\$GITHUB_ACTION_PATH\/(.+)"/.exec(install?.run ?? '') ?? [];
    expect(existsSync(path.join(ACTION, program ?? 'nothing'))).toBe(true);
    const [, command] = /\$GITHUB_ACTION_PATH\/(.+)"/.exec(release?.run ?? '') ?? [];
    const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: { slipway: string } };
    expect(path.join(ACTION, command ?? 'nothing')).toBe(path.resolve(bin.slipway));
  });

  it('releases the branch that was pushed, and tells the job', async () => {
    const sha = await scene.repository.git('rev-parse', 'HEAD');
    const job = await runJob({ reason: 'a push' }, { GITHUB_SHA: sha });
    expect(job, job.said).toMatchObject({ exit: 0, outputs: { state: 'succeeded' } });
    expect(job.said).toContain('by irina (identity: unverified)');
    expect(job.outputs['digest']).toMatch(/^sha256:/);
    expect(job.outputs['url']).toContain('/workflows/');
    expect(job.summary).toContain('stage');
  });

  it('a manual run names its environment; the job ends where people are asked', async () => {
    const job = await runJob({ to: scene.prod, ref: 'v1.0.0' });
    expect(job, job.said).toMatchObject({ exit: 0, outputs: { state: 'waiting' } });
    expect(job.said).toContain('slipway approve');
    await scene.run(`abort ${scene.prod} --yes`);
  });

  it('a tag whose environment is started by hand is green and skipped', async () => {
    const job = await runJob({}, { GITHUB_REF: 'refs/tags/v2.0.0' });
    expect(job, job.said).toMatchObject({ exit: 0, outputs: { state: 'skipped', url: '', digest: '' } });
  });

  it('what is not given comes from the job; what is empty is as if it were not there', async () => {
    const away = await runJob({ 'temporal-address': '127.0.0.1:1' });
    expect(away, away.said).toMatchObject({ exit: 8 });
    expect(away.said).toContain('::error ');
    const nowhere = await runJob({}, { TEMPORAL_NAMESPACE: 'no-such-namespace' });
    expect(nowhere.said).toContain('no-such-namespace');
  });

  it.each([
    [{ ref: '$(touch pwned)' }],
    [{ ref: '`touch pwned`' }],
    [{ ref: '; touch pwned' }],
    [{ ref: '--help' }],
    [{ to: '$(touch pwned)' }],
    [{ to: '--yes' }],
    [{ file: '"; touch pwned; "' }],
    [{ until: 'done; touch pwned' }],
    [{ timeout: '1m --to prod' }],
  ])('%j is a value and no command', async (inputs) => {
    const job = await runJob(inputs);
    expect(job, job.said).toMatchObject({ exit: 2, left: [] });
  });

  it('a branch named as a command is released as any other', async () => {
    const sha = await scene.repository.git('rev-parse', 'HEAD');
    const job = await runJob({}, { GITHUB_REF: 'refs/heads/hotfix/$(touch${IFS}pwned)', GITHUB_SHA: sha });
    expect(job, job.said).toMatchObject({ exit: 0, outputs: { state: 'succeeded' }, left: [] });
  });
});

describe('docs/github-actions.md', () => {
  const page = readFileSync('docs/github-actions.md', 'utf8');

  it('shows a workflow that fits the action', async () => {
    const [{ text } = { text: '' }] = await readSnippets('github-actions.md');
    const workflow = parse(text) as {
      on: Record<string, unknown>;
      permissions: Record<string, string>;
      jobs: Record<string, { steps: Step[] }>;
    };
    expect(Object.keys(workflow.on)).toEqual(['push', 'workflow_dispatch']);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
    for (const { run } of steps) expect(run ?? '').not.toContain('${{');
    const own = steps.find(({ uses }) => uses?.includes('/.github/actions/release@'));
    expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(own?.with ?? {})));
    expect(own?.id).toBe('slipway');
    const outputs = [...text.matchAll(/steps\.slipway\.outputs\.(\w+)/g)].map(([, name]) => name ?? '');
    expect(Object.keys(action.outputs)).toEqual(expect.arrayContaining(outputs));
  });

  it('lists every input with its default', () => {
    for (const [name, input] of Object.entries(action.inputs)) {
      const line = page.split('\n').find((each) => each.startsWith(`| \`${name}\``));
      expect(line, name).toBeDefined();
      if (input.default !== '') expect(line).toContain(`\`${input.default}\``);
    }
  });
});
