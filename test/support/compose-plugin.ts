/** Docker Compose for the ssh user of a host, as its package puts it for everybody. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import type { DockerHost } from './docker-host.js';
import { part } from './parts.js';
import { must } from './base-image.js';

export async function installCompose(host: DockerHost): Promise<void> {
  await must(host.run(['sh', '-c', 'mkdir -p ~/.docker/cli-plugins'], { asUser: true }));
  await copyFile(await part('compose'), path.join(host.home, '.docker/cli-plugins/docker-compose'));
}
