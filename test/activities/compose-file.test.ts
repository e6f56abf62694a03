/** docker-compose.temporal.yml, as `docker compose config` reads it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { part } from '../support/parts.js';

const exec = promisify(execFile);
let compose: string;

interface ComposeFile {
  services: Record<
    string,
    {
      image?: string;
      ports?: { host_ip?: string; published: string }[];
      volumes?: { source: string; target: string }[];
    }
  >;
}

beforeAll(async () => {
  compose = await part('compose');
}, 600_000);

function config(env: Record<string, string>): Promise<{ stdout: string }> {
  const { PATH, HOME } = process.env;
  return exec(compose, ['--file', 'docker-compose.temporal.yml', 'config'], { env: { PATH, HOME, ...env } });
}

describe('docker-compose.temporal.yml', () => {
  test('is valid, pinned, and faces this machine only', async () => {
    const { services } = parse((await config({ POSTGRES_PASSWORD: 'x' })).stdout) as ComposeFile;
    expect(Object.keys(services).sort()).toEqual([
      'namespace',
      'postgresql',
      'schema',
      'temporal',
      'ui',
      'worker',
    ]);
    for (const [name, service] of Object.entries(services)) {
      if (service.image !== undefined && name !== 'worker')
        expect(service.image).toMatch(/:\d+\.\d+(\.\d+)?$/);
      for (const port of service.ports ?? []) expect(port.host_ip).toBe('127.0.0.1');
    }
  });

  test('gives the server the poll rate without which every step waits 50 ms', async () => {
    const { services } = parse((await config({ POSTGRES_PASSWORD: 'x' })).stdout) as ComposeFile;
    const mount = services['temporal']?.volumes?.find(({ target }) => target.endsWith('dynamic-config.yaml'));
    const dynamic = parse(readFileSync(mount?.source ?? '', 'utf8')) as Record<string, { value: number }[]>;
    expect(dynamic['history.transferProcessorMaxPollRPS']?.[0]?.value).toBe(2000);
  });

  test('refuses to start without a password, saying where to put it', async () => {
    await expect(config({})).rejects.toThrow(/set POSTGRES_PASSWORD/);
  });

  test('the set-up scripts are valid shell and name every search attribute the worker needs', async () => {
    for (const script of ['set-up-schema.sh', 'set-up-namespace.sh'])
      await exec('sh', ['-n', `deploy/temporal/${script}`]);
    const { SEARCH_ATTRIBUTES } = await import('../../workers/search-attributes.js');
    const script = readFileSync('deploy/temporal/set-up-namespace.sh', 'utf8');
    for (const { name } of SEARCH_ATTRIBUTES) expect(script).toContain(name.replace('Slipway', ''));
  });
});
