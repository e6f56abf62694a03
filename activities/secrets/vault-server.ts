/** One question to Vault or OpenBao: bounded in time and size, redirects not followed (they would carry the token away). */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { noAnswer, noSecret } from './secret-failure.js';

const LARGEST_BYTES = 1024 * 1024;

export interface VaultServer {
  address: URL;
  namespace: string | null;
  /** PEM of the certificate authority; null = those Node trusts. */
  ca: Buffer | null;
}

export interface VaultQuestion {
  reference: SecretReference;
  method: 'GET' | 'POST';
  /** Below `/v1/`; its parts are encoded. */
  path: string;
  token: string | null;
  body?: string;
  signal: AbortSignal;
}

export interface VaultAnswer {
  status: number;
  body: string;
}

/** Where the worker's environment says Vault is. Refused when it does not. */
export async function findServer(
  reference: SecretReference,
  environment: NodeJS.ProcessEnv,
): Promise<VaultServer> {
  const text = environment['VAULT_ADDR'] ?? '';
  const address = URL.canParse(text) ? new URL(text) : null;
  if (address === null || !/^https?:$/.test(address.protocol)) {
    const wayOut = 'start the worker with VAULT_ADDR=https://vault.example.com:8200';
    throw noSecret(
      reference,
      `cannot be asked for: VAULT_ADDR is ${text === '' ? 'not set' : 'no URL'}`,
      wayOut,
    );
  }
  const namespace = environment['VAULT_NAMESPACE'] ?? '';
  const caFile = environment['VAULT_CACERT'] ?? '';
  const ca =
    caFile === ''
      ? null
      : await readFile(caFile).catch(() => {
          const wayOut = "put the authority's certificate there, as PEM";
          throw noSecret(reference, `cannot be asked for: VAULT_CACERT=${caFile} is not readable`, wayOut);
        });
  return { address, namespace: namespace === '' ? null : namespace, ca };
}

/** Rejects when there is no answer: unreachable, or refused when the certificate is not trusted. */
export async function askVault(server: VaultServer, question: VaultQuestion): Promise<VaultAnswer> {
  try {
    return await exchange(server, question);
  } catch (error) {
    throw explain(server, question, error);
  }
}

function exchange(server: VaultServer, question: VaultQuestion): Promise<VaultAnswer> {
  const { address, namespace, ca } = server;
  const base = address.pathname.replace(/\/$/, '');
  const path = question.path.split('/').map(encodeURIComponent).join('/');
  const secure = address.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(new URL(`${base}/v1/${path}`, address.origin), {
      method: question.method,
      signal: question.signal,
      headers: {
        'x-vault-request': 'true',
        ...(question.token === null ? {} : { 'x-vault-token': question.token }),
        ...(namespace === null ? {} : { 'x-vault-namespace': namespace }),
        ...(question.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(ca === null ? {} : { ca }),
    });
    request.once('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > LARGEST_BYTES) request.destroy(new Error('its answer is larger than 1 MB'));
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    request.end(question.body);
  });
}

const NOT_TRUSTED = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

function explain(server: VaultServer, question: VaultQuestion, error: unknown): Error {
  const { origin } = server.address;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (NOT_TRUSTED.test(code)) {
    return noSecret(
      question.reference,
      `cannot be asked for: the certificate of ${origin} is not trusted (${code})`,
      'start the worker with VAULT_CACERT=/path/of/ca.pem',
    );
  }
  const what = question.signal.aborted ? 'no answer in time' : code === '' ? String(error) : code;
  return noAnswer(
    question.reference,
    `cannot be asked for: ${origin} does not answer (${what})`,
    'start Vault, or correct VAULT_ADDR of the worker',
  );
}
