/** A real Vault in its development mode: in memory, on loopback, with a KV engine of each version. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { part } from './parts.js';
import { plantToken } from './planted.js';
import { until } from './processes.js';
import { freePort } from './sshd.js';

export interface TestVault {
  readonly address: string;
  /** May do everything. */
  readonly rootToken: string;
  /** `METHOD path` below `/v1/` with the root token; the answer's body. */
  call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** A token that may read `paths` only; `lease` in seconds. */
  tokenFor(paths: string[], lease?: number): Promise<string>;
  stop(): Promise<void>;
}

const ROOT = plantToken('root-');

/** `secret/` is KV version 2, `kv1/` version 1, `transit/` no KV engine; AppRole is enabled. */
export async function startVault(port?: number): Promise<TestVault> {
  const program = await part('vault');
  const listen = `127.0.0.1:${port ?? (await freePort())}`;
  const address = `http://${listen}`;
  const options = ['-dev', '-dev-no-store-token', `-dev-listen-address=${listen}`];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, 'server', ...options], {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', VAULT_DEV_ROOT_TOKEN_ID: ROOT },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (told = (told + chunk.toString()).slice(-4000)));

  const call: TestVault['call'] = async (method, path, body) => {
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': ROOT },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  };
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  try {
    await until('vault to answer', async () => {
      if (child.exitCode !== null) throw new Error('it ended');
      return (await fetch(`${address}/v1/sys/health`).catch(() => null))?.status === 200;
    });
    await call('POST', 'sys/mounts/kv1', { type: 'kv' });
    await call('POST', 'sys/mounts/transit', { type: 'transit' });
    await call('POST', 'sys/auth/approle', { type: 'approle' });
  } catch (error) {
    await stop();
    throw new Error(`vault did not start: ${told}`, { cause: error });
  }

  return {
    address,
    rootToken: ROOT,
    call,
    async tokenFor(paths, lease = 3600) {
      const policy = paths.map((path) => `path "${path}" { capabilities = ["read"] }`).join('\n');
      const name = `p${Buffer.from(paths.join()).toString('hex').slice(0, 40)}`;
      await call('PUT', `sys/policies/acl/${name}`, { policy });
      const id = plantToken();
      await call('POST', 'auth/token/create', { id, policies: [name], ttl: `${lease}s` });
      return id;
    },
    stop,
  };
}
