/** For what is refused before anything is sent: a repository, and somebody in Temporal's place who counts the calls. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'vitest';
import { createRepository, type TestRepository } from './repository.js';
import { readJson, slipway } from './slipway-command.js';

export const GOOD_FILE = `pipeline: shop
image: {folder: app}
checks:
  smoke: {run: ./smoke.sh}
environments:
  stage:
    from: {branch: "*"}
    hosts: [local]
    platform: {command: "deploy {tag}"}
    url: http://127.0.0.1:1
    checks: [/health]
  prod:
    from: {tag: "v*.*.*"}
    after: stage
    hosts: [local]
    platform: {command: "deploy {tag}"}
    url: http://127.0.0.1:1
    checks: [/health]
`;

export interface BadInputScene {
  readonly repository: TestRepository;
  /** `host:port` that counts who connects. */
  readonly temporal: string;
  connections(): number;
  end(): Promise<void>;
}

export async function setBadInputScene(): Promise<BadInputScene> {
  const repository = await createRepository();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const temporal = `127.0.0.1:${String(typeof address === 'object' && address !== null ? address.port : 0)}`;

  return {
    repository,
    temporal,
    connections: () => connections,
    async end() {
      server.close();
      await repository.remove();
    },
  };
}

/**
 * What `release` and `plan` both say when they refuse, on the screen and as JSON; the repository is as it was, and nobody
 * was called.
 */
export async function refusalOf(
  scene: BadInputScene,
  words: string[],
  env: Record<string, string> = {},
): Promise<unknown> {
  const said: unknown[] = [];
  const before = await photograph(scene.repository);
  for (const command of ['release', 'plan']) {
    const run = (...more: string[]) =>
      slipway([command, ...words, ...more], {
        cwd: scene.repository.folder,
        env: { TEMPORAL_ADDRESS: scene.temporal, ...env },
      });
    const json = await run('--json');
    const answer = readJson(json);
    expect(answer).toMatchObject({ ok: false, exit: 2, error: { docs: expect.stringMatching(/^docs\//) } });
    said.push(answer.error);
    const screen = await run();
    expect(screen).toMatchObject({ exit: 2, out: '' });
    expect(screen.err).toMatch(/^✗ .*\n {2}where .*\n/);
    expect(screen.err).toMatch(/\n {2}way out {3}\S/);
    // oxlint-disable-next-line no-control-regex -- what a terminal would obey, line breaks aside
    expect(screen.err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(screen.err + json.out).not.toContain('S3cret');
  }
  expect(scene.connections()).toBe(0);
  expect(await photograph(scene.repository)).toBe(before);
  expect(said[1]).toEqual(said[0]);
  return said[0];
}

async function photograph({ git }: TestRepository): Promise<string> {
  return [await git('for-each-ref'), await git('status', '--porcelain', '--ignored')].join('\n');
}
