/** `sops:FILE#KEY`: a file encrypted with SOPS, decrypted by the program sops of the worker, whoever keeps its key. */
import { execFile, type ExecFileException } from 'node:child_process';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { entryOf } from './document-entry.js';
import type { KeptFiles } from './kept-files.js';
import { noAnswer, noSecret } from './secret-failure.js';
import { locateFile, readSecretFile, splitPlace, type ReadSecret } from './secret-file.js';

const TIMEOUT_MS = 30_000;
const LARGEST_BYTES = 4 * 1024 * 1024;
/** Exit codes of sops; its words are passed on for the first only, since others may quote the file. */
const NO_KEY = 128;
const DAMAGED = new Set([24, 25, 51, 52]);

export function createSops(environment: NodeJS.ProcessEnv, kept: KeptFiles): ReadSecret {
  return async (reference, place) => {
    const { file, key } = splitPlace(place);
    if (key === null) throw noSecret(reference, 'names no entry', 'write sops:FILE#KEY');
    const found = locateFile(reference, file, environment);
    const sealed = await readSecretFile(reference, found, { shown: found, onlyOwner: false });
    const text = await kept.text(`sops ${found}`, sealed, () => decrypt(reference, found, environment));
    return entryOf(reference, text, key);
  };
}

async function decrypt(
  reference: SecretReference,
  file: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile(
      'sops',
      ['decrypt', '--output-type', 'json', file],
      {
        env: sopsEnvironment(environment),
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
        maxBuffer: LARGEST_BYTES,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(explain(reference, error, stderr));
      },
    );
  });
}

/** All of the worker's, unlike for a team's commands: the key may be with a KMS, whose login is found there. */
function sopsEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const identity = environment['SLIPWAY_AGE_IDENTITY'];
  const hasOwn = 'SOPS_AGE_KEY_FILE' in environment || 'SOPS_AGE_KEY' in environment;
  return {
    ...environment,
    ...(identity === undefined || hasOwn ? {} : { SOPS_AGE_KEY_FILE: identity }),
    SOPS_DISABLE_VERSION_CHECK: 'true',
  };
}

function explain(reference: SecretReference, { code, killed }: ExecFileException, told: string): Error {
  if (code === 'ENOENT') {
    return noSecret(
      reference,
      'cannot be decrypted: the worker has no program sops',
      'install sops 3.9 or newer on the worker',
    );
  }
  if (killed === true) {
    const wayOut = 'see whether the worker reaches the KMS that keeps the key of the file';
    return noAnswer(reference, `cannot be decrypted: sops did not end within ${TIMEOUT_MS / 1000} s`, wayOut);
  }
  if (Number(code) === NO_KEY) return withoutKey(reference, told);
  if (DAMAGED.has(Number(code))) {
    return noSecret(
      reference,
      'cannot be decrypted: the file was changed after it was encrypted (its MAC does not fit)',
      'take the file of the last good commit, and change it with sops edit only',
    );
  }
  return noSecret(
    reference,
    `cannot be decrypted: sops ended with ${String(code)}; the file was not encrypted with sops, or is cut off`,
    'try sops decrypt on it as the user of the worker',
  );
}

/** What sops tells of keys names recipients and why each of them failed, nothing of the content. */
function withoutKey(reference: SecretReference, told: string): Error {
  const why = told.trim().slice(0, 2000);
  if (/dial tcp|timeout|deadline exceeded|connection refused|no such host|unavailable/i.test(told)) {
    const wayOut = 'see whether the worker reaches the KMS that keeps the key of the file';
    return noAnswer(reference, 'cannot be decrypted: the key service did not answer', wayOut, why);
  }
  return noSecret(
    reference,
    'cannot be decrypted: the worker has no key for the file',
    'set SLIPWAY_AGE_IDENTITY (or what SOPS needs for another kind of key) to one of its recipients',
    why,
  );
}
