/** Would Caddy still know at its next start what its admin API was told? Only what can be seen is refused. */
import { refused } from '../failure.js';
import type { Host } from '../hosts/host.js';
import { readConfiguration } from './caddy-admin.js';
import { isMap } from './caddy-config.js';

const TIMEOUT_MS = 10_000;

// a container's Caddy is among the host's processes as well
const SCRIPT = `
said=unseen
for file in /proc/[0-9]*/cmdline; do
  line=$(tr '\\000' ' ' <"$file") || continue
  program=\${line%% *}
  case \${program##*/} in caddy*) ;; *) continue;; esac
  case $line in
    *' run '*' --resume'*) echo resumes; exit;;
    *' run '*) said=forgets;;
  esac
done 2>/dev/null
echo $said
`;

/** Read only. Refused when Caddy keeps nothing; a Caddy that cannot be seen is believed. */
export async function requireResumed(host: Host, admin: string): Promise<void> {
  const [{ tree }, looked] = await Promise.all([
    readConfiguration(host, admin, '/config/'),
    host.run({ argv: buildResumeArgv(), timeoutMs: TIMEOUT_MS }),
  ]);
  const settings = isMap(tree) && isMap(tree['admin']) ? tree['admin'] : {};
  const kept = isMap(settings['config']) ? settings['config']['persist'] : null;
  if (kept === false) throw refuse(host, 'does not keep its configuration (admin.config.persist is false)');
  if (looked.stdout.trim() === 'forgets') throw refuse(host, 'runs without --resume');
}

export function buildResumeArgv(): string[] {
  return ['sh', '-c', SCRIPT];
}

function refuse(host: Host, what: string): Error {
  return refused({
    what: `Caddy ${what}: a restart would bring the old colour back`,
    where: host.name,
    why: null,
    wayOut:
      'name a snippet that the Caddyfile imports with file:, or start Caddy with --resume (docs/traffic.md)',
  });
}
