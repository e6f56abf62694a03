/** nginx on a test's host, as its deploy user, who may then test and reload it: what sudo is for on a real machine. */
import { must } from './base-image.js';
import type { DockerHost } from './docker-host.js';
import { part } from './parts.js';
import { putFiles } from './team-world.js';

export const NGINX = '/home/deploy/nginx';

/** `files` are put beside its own, by path; those in `conf.d` are read. `http` = what else its http section says. */
export async function startHostNginx(
  host: DockerHost,
  files: Record<string, string>,
  http: readonly string[] = [],
): Promise<void> {
  const temporaries = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${NGINX}/tmp-${kind};`,
  );
  await putFiles(host, {
    [`${NGINX}/nginx.conf`]: [
      `worker_processes 1; pid ${NGINX}/nginx.pid; error_log ${NGINX}/error.log; worker_shutdown_timeout 5s;`,
      'events { worker_connections 256; }',
      `http { access_log off; ${temporaries.join(' ')} include ${NGINX}/conf.d/*.conf;`,
      ...http,
      '}',
    ].join('\n'),
    ...Object.fromEntries(Object.entries(files).map(([file, text]) => [`${NGINX}/${file}`, text])),
  });
  const start = nginxCommand(await part('nginx'));
  await must(host.run(['sh', '-c', `${start} >/dev/null 2>&1`], { asUser: true }));
}

export function nginxCommand(program: string): string {
  return `${program} -p ${NGINX} -e ${NGINX}/error.log -c ${NGINX}/nginx.conf`;
}
