/**
 * The programs of a Python team's gates and checks. hadolint, pytest, pip-licenses, psql and docker are real; trivy,
 * osv-scanner and k6 are stand-ins: the first two write a report that finds nothing, the last one asks twenty times.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { RegistryLogin } from './base-image.js';
import type { DockerHost } from './docker-host.js';
import { part } from './parts.js';
import type { Files } from './team-repository.js';

const SARIF = JSON.stringify({
  version: '2.1.0',
  runs: [{ tool: { driver: { name: 'osv-scanner', rules: [] } }, results: [] }],
});
const TRIVY = JSON.stringify({
  SchemaVersion: 2,
  ArtifactName: 'image',
  ArtifactType: 'container_image',
  Results: [],
});
/** Asks for what the load would be about; how long it took is this machine's affair. */
const K6 = `#!${process.execPath}
const { writeFileSync } = require('node:fs');
const argv = process.argv.slice(2);
const base = argv.find((each) => each.startsWith('BASE_URL=')).slice('BASE_URL='.length);
(async () => {
  let failed = 0;
  for (let count = 0; count < 20; count += 1) {
    const answer = await fetch(base + '/items');
    await answer.text();
    if (!answer.ok) failed += 1;
  }
  const metrics = {
    http_req_failed: { passes: failed, fails: 20 - failed, thresholds: { 'rate<0.01': failed > 0 } },
    iterations: { count: 20, rate: 20 },
  };
  writeFileSync(argv[argv.indexOf('--summary-export') + 1], JSON.stringify({ metrics, root_group: {} }));
})();
`;

/** Puts them into one folder, for the PATH; gives it. A gate's images are pulled with that login. */
export async function putTeamTools(
  folder: string,
  of: { engine: DockerHost; server: string; login: RegistryLogin; postgres: string },
): Promise<string> {
  const { engine, server, login, postgres } = of;
  const tools = path.join(folder, 'tools');
  const config = path.join(folder, 'gate-docker');
  for (const each of [tools, config]) await mkdir(each);
  const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  await writeFile(path.join(config, 'config.json'), JSON.stringify({ auths: { [server]: { auth } } }));
  const { stdout: docker } = await execa('which', ['docker']);
  const writing = (flag: string, text: string): string =>
    `#!/bin/sh\nwhile [ "$1" != ${flag} ]; do shift; done\ncat > "$2" <<'END'\n${text}\nEND\n`;
  const scripts: Files = {
    pytest: `#!/bin/sh\nexec ${await part('pytest')} -p no:cacheprovider "$@"\n`,
    'pip-licenses': `#!/bin/sh\nexec ${await part('pip-licenses')} --python ${path.dirname(await part('pytest'))}/python3 "$@"\n`,
    hadolint: `#!/bin/sh\nexec ${await part('hadolint')} "$@"\n`,
    psql: `#!/bin/sh\nexec ${postgres}/psql "$@"\n`,
    // the worker's own is for buildx; a gate's engine is that host's
    docker: `#!/bin/sh\n[ "$1" = buildx ] && exec ${docker} "$@"\nexec ${docker} --config ${config} --host unix://${engine.socketPath} "$@"\n`,
    trivy: writing('-o', TRIVY),
    'osv-scanner': writing('--output', SARIF),
    k6: K6,
  };
  for (const [name, text] of Object.entries(scripts))
    await writeFile(path.join(tools, name), text, { mode: 0o755 });
  return tools;
}
