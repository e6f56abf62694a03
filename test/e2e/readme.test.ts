/** The README's commands, as its three readers type them, against the example it describes. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWorker } from '../../examples/hello/demo/commands.js';
import { setStage, type Stage } from '../../examples/hello/demo/stage.js';
import { loadPipeline } from '../../pipeline/index.js';
import { part } from '../support/parts.js';
import { until } from '../support/processes.js';
import { searchText } from '../support/search-for-secrets.js';
import { searchTemporal } from '../support/search-temporal.js';

const exec = promisify(execFile);
let folder: string;
let readme: string;
let temporal: string;
let stage: Stage;
const ends: (() => Promise<void>)[] = [];

interface Run {
  exit: number;
  out: string;
  err: string;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slipway-readme-'));
  readme = await readFile('README.md', 'utf8');
  temporal = await part('temporal');
  process.env['TEMPORAL_CLI_PATH'] ??= temporal;
  stage = await setStage(folder, ends, new AbortController().signal);
  await startWorker(stage, ends);
});
afterAll(async () => {
  await searchTemporal(stage.temporalAddress);
  for (const end of ends.reverse()) await end();
  searchText('worker.log of the README', await readFile(path.join(stage.dataFolder, 'worker.log')));
  await rm(folder, { recursive: true, force: true });
});

/** Code blocks of one language, in order. */
function codeBlocks(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(
    ([, text]) => text ?? '',
  );
}

function blocks(language: string): string[] {
  return codeBlocks(readme, language);
}

/** A command of the README, which must stand there, as somebody on the stage; nobody is there to be asked. */
async function type(line: string, actor: string, env: Record<string, string> = {}): Promise<Run> {
  expect(readme).toContain(line);
  const words =
    line
      .replace(/\s+#.*$/, '')
      .replace(/^npx /, '')
      .match(/"[^"]*"|\S+/g) ?? [];
  const [, ...argv] = [...words.map((word) => word.replaceAll('"', '')), '--yes'];
  const { CI: _ci, GITHUB_ACTIONS: _actions, ...rest } = process.env;
  try {
    const { stdout, stderr } = await exec(process.execPath, [path.resolve('dist/client/main.js'), ...argv], {
      cwd: stage.repository,
      env: { ...rest, TEMPORAL_ADDRESS: stage.temporalAddress, SLIPWAY_ACTOR: actor, ...env },
    });
    return { exit: 0, out: stdout, err: stderr };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'stdout' in error && 'stderr' in error)) throw error;
    return { exit: Number(error.code), out: String(error.stdout), err: String(error.stderr) };
  }
}

async function ciReleases(version: string): Promise<Run & { outputs: string; summary: string }> {
  const outputs = path.join(folder, `${version}.output`);
  const summary = path.join(folder, `${version}.summary`);
  await writeFile(outputs, '');
  await writeFile(summary, '');
  const run = await type('npx slipway release --timeout 30m', 'ci', {
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_REF: `refs/tags/${version}`,
    GITHUB_OUTPUT: outputs,
    GITHUB_STEP_SUMMARY: summary,
  });
  return { ...run, outputs: await readFile(outputs, 'utf8'), summary: await readFile(summary, 'utf8') };
}

/** A block of the library's page. */
async function codeOfLibrary(about: string): Promise<string> {
  const page = await readFile('docs/library.md', 'utf8');
  const found = codeBlocks(page, 'ts').find((block) => block.includes(about));
  if (found === undefined) throw new Error(`no code about ${about}`);
  return found;
}

/** What it prints, in the repository, where CI builds `version`. Rejects with its exit code. */
async function runCode(code: string, version: string, env: Record<string, string> = {}): Promise<string> {
  const program = path.resolve('dist', 'readme.mjs');
  await writeFile(program, code);
  const { CI: _ci, GITHUB_ACTIONS: _actions, ...rest } = process.env;
  const place = { TEMPORAL_ADDRESS: stage.temporalAddress, GITHUB_REF: `refs/tags/${version}` };
  try {
    const options = { cwd: stage.repository, env: { ...rest, ...place, ...env } };
    return (await exec(process.execPath, [program], options)).stdout;
  } finally {
    await rm(program);
  }
}

async function status(): Promise<{
  live: string | undefined;
  waiting: { version: string; workflowId: string } | undefined;
}> {
  const { out } = await type('slipway status', 'anna');
  expect(out).toContain('shop');
  const json = await exec(
    process.execPath,
    [path.resolve('dist/client/main.js'), 'status', 'prod', '--json'],
    {
      cwd: stage.repository,
      env: { ...process.env, TEMPORAL_ADDRESS: stage.temporalAddress },
    },
  );
  const { data } = JSON.parse(json.stdout) as {
    data: {
      environments: {
        live: { version: string } | null;
        waiting: { version: string; workflowId: string }[];
      }[];
    };
  };
  const [prod] = data.environments;
  return { live: prod?.live?.version, waiting: prod?.waiting[0] };
}

function live(version: string): Promise<true> {
  return until(`${version} to be live`, async () => (await status()).live === version, 120_000);
}

describe('README', () => {
  test('its smallest pipeline is one', () => {
    const [smallest] = blocks('yaml');
    expect(loadPipeline(Buffer.from(smallest ?? ''), 'slipway.yaml')).toMatchObject({ ok: true });
  });

  test('CI releases, and gets a summary and outputs', async () => {
    const run = await ciReleases('v1.0.0');
    expect(run, run.err).toMatchObject({ exit: 0 });
    expect(run.outputs).toMatch(/^state=succeeded$/m);
    expect(run.outputs).toMatch(/^digest=sha256:[0-9a-f]{64}$/m);
    expect(run.summary).toContain('v1.0.0');
    expect((await status()).live).toBe('v1.0.0');
  });

  test('the same from code', async () => {
    const [snippet = ''] = blocks('ts');
    const said = await runCode(snippet, 'v2.0.0');
    expect(said).toContain('v1.0.0');
    // a person is waited for: whoever starts the same now joins it
    const library = await codeOfLibrary('prepareRelease');
    expect(await runCode(library, 'v2.0.0')).toMatch(
      /v2\.0\.0 is under way: release\/shop\/v2\.0\.0[^]*waits for 1 approval[^]*with --until started or waiting: got that far/,
    );
  }, 180_000);

  test('what is wrong is told from code as by the command', async () => {
    const library = await codeOfLibrary('prepareRelease');
    await expect(runCode(library, 'v9.9.9')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/refs\/tags\/v9\.9\.9/) as unknown,
    });
  });

  test('CI does not idle for a person; the person signals through the Temporal CLI', async () => {
    const run = await ciReleases('v2.0.0');
    expect(run, run.err).toMatchObject({ exit: 0 });
    expect(run.outputs).toMatch(/^state=waiting$/m);
    const { waiting } = await status();
    expect(waiting?.version).toBe('v2.0.0');
    const signal = blocks('sh').find((block) => block.includes('temporal workflow signal')) ?? '';
    expect(signal).toContain('--input-file approval.json');
    const printed = await type('slipway approve prod --print', 'oleg', {
      SLIPWAY_SIGNING_KEY: stage.keys['oleg'] ?? '',
    });
    expect(printed, printed.err).toMatchObject({ exit: 0 });
    const approval = path.join(folder, 'approval.json');
    await writeFile(approval, printed.out);
    await exec(temporal, [
      ...['workflow', 'signal', '--address', stage.temporalAddress, '--name', 'approve'],
      ...['--workflow-id', waiting?.workflowId ?? '', '--input-file', approval],
    ]);
    await live('v2.0.0');
  }, 180_000);

  test('a person decides with the command, or with an update as the UI sends it', async () => {
    await ciReleases('v3.0.0');
    const rejected = await type('slipway reject prod --reason "not on a Friday"', 'irina');
    expect(rejected, rejected.err).toMatchObject({ exit: 0 });
    await until('the rejection', async () => (await status()).waiting === undefined);

    await ciReleases('v3.0.0');
    const { waiting } = await status();
    const update = await exec(temporal, [
      ...[
        'workflow',
        'update',
        'execute',
        '--address',
        stage.temporalAddress,
        '--name',
        'reject',
        '--output',
        'json',
      ],
      ...['--workflow-id', waiting?.workflowId ?? '', '--input', '{"by":"irina","decisionId":"43"}'],
    ]);
    expect(update.stdout).toContain('"accepted": true');
    await until('the rejection', async () => (await status()).waiting === undefined);

    await ciReleases('v3.0.0');
    const decides = (await codeOfLibrary('reply.accepted')).replace('slipway.approve(', 'slipway.reject(');
    expect(await runCode(decides, 'v3.0.0')).toMatch(/v2\.0\.0 is live.*\nit counts\n/);
    await until('the rejection', async () => (await status()).waiting === undefined);

    const nothing = await type('slipway switch prod', 'anna');
    expect(nothing.exit).toBe(5);
    const none = await type('slipway approve prod', 'anna');
    expect(none.exit).toBe(5);
  }, 180_000);

  test('operators read and steer', async () => {
    const frozen = await type('slipway freeze prod --until 2030-01-09T09:00:00Z --reason holidays', 'irina');
    expect(frozen, frozen.err).toMatchObject({ exit: 0 });
    expect((await type('slipway status', 'anna')).out).toContain('frozen');
    const doctor = await type('slipway doctor prod', 'anna');
    expect(doctor, doctor.err + doctor.out).toMatchObject({ exit: 0 });
    expect((await type('slipway abort prod', 'anna')).exit).toBe(5);
    const back = await type('slipway rollback prod', 'anna');
    expect(back, back.err + back.out).toMatchObject({ exit: 0 });
    await live('v1.0.0');
    // it has just ended: how is told
    const watched = await type('slipway watch prod', 'anna');
    expect(watched, watched.err).toMatchObject({
      exit: 0,
      out: expect.stringContaining('v1.0.0') as unknown,
    });
  }, 180_000);
});
