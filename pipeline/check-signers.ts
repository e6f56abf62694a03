/**
 * The OpenSSH files that a policy names: are they there, does nobody else write them, and can everybody sign who should?
 * Pure: whoever has the machine answers.
 */
import { APPROVAL_NAMESPACE } from './approval-statement.js';
import { explainFileErrors } from './file-error.js';
import type { LoadedFile } from './load-pipeline.js';
import type { Policy } from './policy-file.js';
import { readPublicKey, readSignerLines } from './signer-lines.js';
import { countSigners, findSilentMembers, whyNot } from './silent-members.js';
import { findUnfillable, type Signers } from './unfillable-rules.js';
import { findWriters } from './who-may-write.js';

/** Each rejects as `node:fs` does. */
export interface KeyFileAccess {
  stat(path: string): Promise<{ mode: number; uid: number }>;
  readFile(path: string): Promise<Uint8Array>;
  folderOf(path: string): string;
  /** Who asks. */
  userId: number;
}

export interface SignersAccess extends KeyFileAccess {
  /** Names in the policy are of files beside it. */
  beside(name: string): string;
  /** Does OpenSSH's binary list revoke this public key (null = none)? Rejects when it is damaged. */
  isRevoked(list: string, key: string | null): Promise<boolean>;
}

interface Problem {
  what: string;
  where: string;
  why: string | null;
  wayOut: string;
}

export interface SignersAnswer {
  /** Nobody could be believed, or somebody else decides who is. */
  problem: Problem | null;
  /** Rules that nobody can fill: releases would wait in vain. */
  unfillable: Problem[];
  /** Members who can never sign: `policy.yaml:4:14: irina@example.com of group …; way out`. */
  warnings: string[];
}

const LINES = 'docs/approvals.md#allowed_signers';
const REVOKING = 'docs/approvals.md#revoked-keys';

/** null = it can be read, and only its owner writes it and puts another in its place. */
export async function findKeyFileProblem(
  path: string,
  access: KeyFileAccess,
  docs = LINES,
): Promise<{ what: string; wayOut: string } | null> {
  const { userId } = access;
  try {
    for (const [each, isFolder] of [
      [path, false],
      [access.folderOf(path), true],
    ] as const) {
      const { mode, uid } = await access.stat(each);
      const writers = findWriters({ path: each, mode, uid, isFolder, userId });
      if (writers !== null)
        return { what: `${each} ${writers.what}`, wayOut: `${writers.wayOut} on the worker` };
    }
    await access.readFile(path);
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return code === 'ENOENT'
      ? {
          what: `there is no file ${path}`,
          wayOut: `put it there on the worker, or correct its name (${docs})`,
        }
      : { what: `${path} cannot be read (${code})`, wayOut: `let the worker's user read it: ls -l ${path}` };
  }
}

export async function checkSigners(file: LoadedFile<Policy>, access: SignersAccess): Promise<SignersAnswer> {
  const { content } = file;
  const tell = (key: string, what: string, wayOut: string): SignersAnswer => {
    const error = file.errorAt([key], what);
    return {
      problem: { ...explainFileErrors([error], file.name), wayOut },
      unfillable: [],
      warnings: [],
    };
  };
  const unfillable = (people: Signers): Problem[] =>
    findUnfillable(content, people).map(({ path, what, wayOut }) => ({
      ...explainFileErrors([file.errorAt(path, what)], file.name),
      wayOut,
    }));
  for (const key of ['allowed-signers', 'revoked-keys'] as const) {
    const docs = key === 'revoked-keys' ? REVOKING : LINES;
    const problem =
      content[key] === undefined ? null : await findKeyFileProblem(access.beside(content[key]), access, docs);
    if (problem !== null) return tell(key, problem.what, problem.wayOut);
  }
  // then the policy has no rule that is signed
  if (content['allowed-signers'] === undefined)
    return { problem: null, unfillable: unfillable({ canSign: () => false, approvers: 0 }), warnings: [] };
  const signers = access.beside(content['allowed-signers']);
  const lines = readSignerLines(Buffer.from(await access.readFile(signers)).toString());
  const list = content['revoked-keys'];
  const revoked =
    list === undefined
      ? []
      : await findRevokedAmong(
          lines.map(({ key }) => key),
          access.beside(list),
          access,
        );
  if ('what' in revoked) return tell('revoked-keys', revoked.what, revoked.wayOut);
  const facts = { revoked: new Set(revoked), nowMs: Date.now() };
  const silent = findSilentMembers(content, lines, facts);
  return {
    problem: null,
    unfillable: unfillable({
      canSign: (person, namespace) => whyNot(person, lines, namespace, facts) === null,
      approvers: countSigners(lines, APPROVAL_NAMESPACE, facts),
    }),
    warnings: silent.map(({ path, what }) => {
      const { line, column } = file.errorAt(path, what);
      return `${file.name}:${line}:${column}: ${what}; mend ${signers} (${LINES}), or take the name out of the group`;
    }),
  };
}

/** `list` is either OpenSSH's binary one, or public keys a line; with one that is neither no signature counts. */
export async function findRevokedAmong(
  keys: string[],
  list: string,
  { readFile, isRevoked }: Pick<SignersAccess, 'readFile' | 'isRevoked'>,
): Promise<string[] | { what: string; wayOut: string }> {
  const damaged = {
    what: `${list} is no list of revoked keys, so no signature counts`,
    wayOut: `make it again on the worker: ssh-keygen -k -f ${list} KEY.pub (${REVOKING})`,
  };
  const text = Buffer.from(await readFile(list)).toString();
  if (text.startsWith('SSHKRL\n')) {
    try {
      // without any key it only says whether it is a list
      await isRevoked(list, null);
      const asked = keys.map(async (key) => ((await isRevoked(list, key)) ? [key] : []));
      return (await Promise.all(asked)).flat();
    } catch {
      return damaged;
    }
  }
  const listed = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const revoked = listed.map((line) => readPublicKey(line.trim()));
  return revoked.includes(null) ? damaged : revoked.filter((key) => key !== null);
}
