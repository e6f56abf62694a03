/** What most commands need first: which pipeline, which environments, who speaks, and a client. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { claimActor } from './actor.js';
import type { Invocation } from './command.js';
import { runGit } from './git.js';
import { SlipwayClient } from './release-client.js';
import { badInput } from './user-error.js';

const LARGEST_FILE_BYTES = 1_000_000;

/** Connected as the flags, variables and profile say; closed when the command ends. */
export async function openClient(invocation: Invocation, pipeline?: string): Promise<SlipwayClient> {
  const { terminal, global } = invocation;
  const name = pipeline ?? (await findPipelineName(invocation));
  const { by } = await claimActor(terminal.env, terminal.cwd);
  const client = await SlipwayClient.connect({
    pipeline: name,
    by,
    profile: global.profile,
    env: terminal.env,
    environments: () => listFileEnvironments(invocation),
  });
  invocation.onEnd(() => client.close());
  return client;
}

/** `--pipeline`, else the file's first words: a file with mistakes further down must not keep anyone from aborting. */
async function findPipelineName({ terminal, global }: Invocation): Promise<string> {
  if (global.pipeline !== null) return global.pipeline;
  const text = await readPipelineText(terminal.cwd, global.file);
  const [, name] =
    /^pipeline:[ \t]*["']?([A-Za-z0-9][A-Za-z0-9._-]*)["']?[ \t]*(?:#.*)?$/m.exec(text ?? '') ?? [];
  if (name !== undefined) return name;
  throw badInput({
    what: text === null ? 'no pipeline file here' : 'the file names no pipeline',
    where: path.join(terminal.cwd, global.file),
    wayOut:
      text === null
        ? 'go to the repository, name the file with --file, or the pipeline with --pipeline NAME'
        : 'its first line says it: pipeline: NAME',
    docs: 'docs/commands.md#which-pipeline',
  });
}

/** Environments in the order of the file; empty without a readable file. */
export async function listFileEnvironments({ terminal, global }: Invocation): Promise<string[]> {
  if (global.pipeline !== null) return [];
  const text = await readPipelineText(terminal.cwd, global.file);
  if (text === null) return [];
  const { parse } = await import('yaml');
  try {
    const file: unknown = parse(text, { logLevel: 'silent' });
    const found =
      typeof file === 'object' && file !== null && 'environments' in file ? file.environments : null;
    return typeof found === 'object' && found !== null ? Object.keys(found) : [];
  } catch {
    // `slipway plan` says what is wrong with it; looking at what runs needs no correct file.
    return [];
  }
}

/** The file of the working tree: here, else at the top of the checkout. */
async function readPipelineText(cwd: string, file: string): Promise<string | null> {
  const root = await runGit(cwd, ['rev-parse', '--show-toplevel']);
  for (const folder of root === null ? [cwd] : [cwd, root]) {
    const place = path.resolve(folder, file);
    const facts = await stat(place).catch(() => null);
    if (facts?.isFile() === true && facts.size <= LARGEST_FILE_BYTES) return readFile(place, 'utf8');
  }
  return null;
}
