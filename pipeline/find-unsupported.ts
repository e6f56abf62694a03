/** What a file may say that this version cannot carry out yet: it loads, compiles, and is refused by name before anything starts. */
import {
  asksEachHost,
  checkListsOf,
  findCheck,
  platformOnHosts,
  proxyOnFirstHost,
  settingsOf,
  strategyOf,
  type EnvironmentSettings,
} from './environment-settings.js';
import { findingsIn, type FindingInFile, type Report } from './findings-in-file.js';
import type { LoadedFile } from './load-pipeline.js';
import { namesIn } from './templates.js';

/** Those whose containers a host's own Docker knows. */
const DOCKER = ['swarm', 'stack', 'compose', 'command'];
/** A command's log goes back to the deploy only if it heeds this. */
export const LOG_SECONDS = 'SLIPWAY_LOG_SECONDS';

/** Everything in the way of releasing to `environments` (default: all), in the order of the file. */
export function findUnsupported(file: LoadedFile, environments?: readonly string[]): FindingInFile[] {
  return findingsIn(file, (report) => {
    for (const name of environments ?? file.content.environments.keys()) {
      const of = settingsOf(file.content, name);
      reportEnvironment(of, report);
      reportChecks(file, of, report);
      reportColours(file, of, report);
      reportProxies(of, report);
    }
  });
}

function reportEnvironment(of: EnvironmentSettings, report: Report): void {
  const { platform, database } = of.settings;
  if (database?.inside !== undefined && platform !== undefined && !DOCKER.includes(platform.kind))
    report(
      `database inside a container on platform ${platform.kind}`,
      of.pathOf('database', 'inside'),
      'leave inside out: the commands run on the first host then',
    );
}

function reportChecks(file: LoadedFile, of: EnvironmentSettings, report: Report): void {
  for (const name of checkListsOf(of).flatMap((list) => list.names)) {
    if (findCheck(file.content, name)?.kind === 'logs') reportLog(name, of, report);
  }
}

/** Lines of before the deploy must not count, so the platform has to say what is new. */
function reportLog(check: string, of: EnvironmentSettings, report: Report): void {
  const { platform } = of.settings;
  if (platform?.kind !== 'command') return;
  if (platform.logs === undefined)
    report(
      `check logs in ${of.name}, whose platform has no logs command`,
      ['checks', check, 'logs'],
      `add logs: to the platform, a command that prints the last $${LOG_SECONDS} seconds`,
    );
  else if (!platform.logs.includes(LOG_SECONDS))
    report(
      `check logs in ${of.name}, whose logs command says nothing of since when`,
      of.pathOf('platform', 'logs'),
      `let it print the last $${LOG_SECONDS} seconds: journalctl -u app --since "-\${${LOG_SECONDS}}s"`,
    );
}

/** One proxy on the first host of several: the others would be deployed to and never serve. */
function reportProxies(of: EnvironmentSettings, report: Report): void {
  const { hosts = [], traffic } = of.settings;
  if (traffic === undefined || hosts.length < 2 || strategyOf(of.settings) !== 'blue-green') return;
  if (platformOnHosts(of.settings) === null || proxyOnFirstHost(of.settings) === null) return;
  if (asksEachHost(traffic)) return;
  report(
    `traffic of ${hosts.length} hosts without where their proxies answer`,
    of.pathOf('traffic'),
    "say how the one on each host is asked, confirm: {url: 'http://{host}/'}, or where the one in front of all of them runs, host: deploy@proxy.example.com",
  );
}

/** Before it has traffic, the idle colour must be asked somewhere else than at the public url. */
function reportColours(file: LoadedFile, of: EnvironmentSettings, report: Report): void {
  const { traffic, checks, bake } = of.settings;
  if (traffic === undefined || strategyOf(of.settings) !== 'blue-green') return;
  const upstreams = 'upstreams' in traffic ? traffic.upstreams : undefined;
  // of nginx the files of its colours say it, on the host
  if (traffic.colours !== undefined || upstreams !== undefined || traffic.kind === 'nginx') return;
  // between steps the new colour is watched by itself
  const alone = [...(checks ?? []), ...(traffic.steps === undefined ? [] : (bake?.checks ?? []))];
  const blind = [...new Set(alone)].filter((name) => {
    const check = findCheck(file.content, name);
    return check?.kind === 'http' && !namesIn(check.http).includes('colour');
  });
  if (blind.length === 0) return;
  report(
    `checking ${blind.join(', ')} on the idle colour without knowing where it answers`,
    of.pathOf('traffic'),
    'add colours: {blue: http://…, green: http://…} to traffic, or {colour} to the checks',
  );
}
