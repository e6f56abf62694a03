/** What a team of `examples/` keeps: its git repository with a bare origin, its people's keys, the worker's policy. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createRepository, type TestRepository } from './repository.js';
import { givePersonKey } from './people.js';

/** Path in the repository → its text. */
export type Files = Record<string, string>;

/** The example's own files; those of its `worker/` lie on the worker and are in no repository. */
export async function readExample(example: string): Promise<Files> {
  const files: Files = {};
  for (const entry of await readdir(example, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(example, file);
    if (entry.isFile() && !name.startsWith('worker/')) files[name] = await readFile(file, 'utf8');
  }
  return files;
}

/** Commits the files on `main` and on `branches`, and pushes all to the bare repository `origin`. */
export async function createTeamRepository(
  origin: string,
  name: string,
  files: Files,
  branches: string[],
): Promise<TestRepository> {
  const repository = await createRepository();
  await repository.git('init', '--quiet', '--bare', origin);
  await repository.git('remote', 'add', 'origin', origin);
  await repository.commit(`feat: ${name}`, files);
  for (const branch of branches) await repository.git('branch', branch);
  await repository.git('push', '--quiet', 'origin', 'main', ...branches);
  return repository;
}

/** Everybody has an SSH key in `people/`; `allowed_signers` beside it says whose is whose. */
export async function givePeopleKeys(folder: string, people: string[]): Promise<void> {
  await mkdir(path.join(folder, 'people'), { mode: 0o700 });
  const lines: string[] = [];
  for (const name of people) {
    lines.push(await givePersonKey(path.join(folder, 'people', name), name));
  }
  await writeFile(path.join(folder, 'allowed_signers'), lines.join(''), { mode: 0o600 });
}

/** The example's policy beside those keys, as only its owner may write it; gives its path. */
export async function writePolicy(
  folder: string,
  example: string,
  changes: [string, string][],
): Promise<string> {
  const file = path.join(folder, 'policy.yaml');
  const text = await readFile(path.join(example, 'worker/policy.yaml'), 'utf8');
  await writeFile(file, edited(text, changes), { mode: 0o600 });
  return file;
}

/** Every place of each; throws when the example no longer says it. */
export function edited(text: string, changes: [string, string][]): string {
  return changes.reduce((current, [from, to]) => {
    if (!current.includes(from)) throw new Error(`the example no longer says ${from}`);
    return current.replaceAll(from, to);
  }, text);
}
