/** Do the parts of one environment fit together? */
import { finding, type Finding } from './explain-issue.js';
import {
  asksEachHost,
  checkListsOf,
  findCheck,
  platformOnHosts,
  proxyOnFirstHost,
  strategyOf,
  type EnvironmentSettings,
} from './environment-settings.js';
import type { PipelineFile } from './pipeline-file.js';
import type { Traffic } from './schema-traffic.js';
import { namesIn } from './templates.js';

export function checkEnvironment(content: PipelineFile, of: EnvironmentSettings): Finding[] {
  return [
    ...checkNeeds(content, of),
    ...checkColours(content, of),
    ...checkTraffic(of),
    ...checkQuarantine(of),
  ];
}

/** A host in quarantine is stopped, and only the team knows how to stop what its own commands have started. */
function checkQuarantine({ settings, pathOf }: EnvironmentSettings): Finding[] {
  const { platform, rollout } = settings;
  if (rollout?.['failed-host'] !== 'quarantine' || platform?.kind !== 'command') return [];
  if (platform.retire !== undefined) return [];
  return [
    finding(
      pathOf('rollout', 'failed-host'),
      'quarantine stops a host, and these commands have nothing that stops it; add retire: to the platform, or say failed-host: undo',
    ),
  ];
}

/** Does any text in here use `{colour}`? */
function usesColour(value: unknown): boolean {
  if (typeof value === 'string') return namesIn(value).includes('colour');
  return typeof value === 'object' && value !== null && Object.values(value).some(usesColour);
}

function checkNeeds(content: PipelineFile, of: EnvironmentSettings): Finding[] {
  const { name, settings } = of;
  const here = ['environments', name];
  const findings: Finding[] = [];
  if (settings.platform === undefined) {
    findings.push(
      finding(
        here,
        'platform is missing: how it runs, such as {swarm: SERVICE}, {stack: FILE} or {command: …}',
      ),
    );
  }
  if (settings.checks === undefined) {
    findings.push(finding(here, 'checks is missing: how to see that it is healthy, such as [/health]'));
  }
  const hostsFor = platformOnHosts(settings) ?? proxyOnFirstHost(settings);
  if (hostsFor !== null && settings.hosts === undefined) {
    findings.push(
      finding(here, `hosts is missing: ${hostsFor} needs at least one, such as deploy@app.example.com`),
    );
  }
  const withoutUrl = settings.url === undefined ? whatNeedsUrl(content, of) : null;
  if (withoutUrl !== null) {
    findings.push(finding(here, `url is missing: ${withoutUrl} needs it, such as https://app.example.com`));
  }
  return findings;
}

function whatNeedsUrl(content: PipelineFile, of: EnvironmentSettings): string | null {
  const { traffic } = of.settings;
  for (const name of checkListsOf(of).flatMap((list) => list.names)) {
    const check = findCheck(content, name);
    const isPath = check?.kind === 'http' && check.http.startsWith('/');
    if (isPath && !(traffic !== undefined && asksEachHost(traffic))) return `the check ${name}`;
    if (check?.kind === 'run' && namesIn(check.run).includes('url')) return `the check ${name}`;
  }
  const asked = traffic?.confirm?.url;
  return traffic !== undefined && (asked === undefined || asked.startsWith('/')) ? 'traffic' : null;
}

function checkColours(content: PipelineFile, of: EnvironmentSettings): Finding[] {
  const { name, settings } = of;
  const { platform, traffic } = settings;
  const colours = strategyOf(settings) === 'blue-green';
  const own = of.environment['keep-warm'] !== undefined;
  if (!colours) {
    const findings: Finding[] = [];
    if (traffic !== undefined) {
      findings.push(
        finding(
          of.pathOf('traffic'),
          `${name} is changed in place and has no colours to switch between; say strategy: blue-green`,
        ),
      );
    }
    if (own)
      findings.push(
        finding(
          of.pathOf('keep-warm'),
          'only an old colour can be kept warm; say strategy: blue-green and traffic',
        ),
      );
    if (usesColour(platform))
      findings.push(finding(of.pathOf('platform'), '{colour} has no value without strategy: blue-green'));
    for (const list of checkListsOf(of)) {
      for (const [index, check] of list.names.entries()) {
        if (!usesColour(findCheck(content, check))) continue;
        findings.push(
          finding([...list.path, index], `the check ${check} uses {colour}, but ${name} has no colours`),
        );
      }
    }
    return findings;
  }
  const findings: Finding[] = [];
  if (traffic === undefined) {
    findings.push(
      finding(
        of.pathOf('strategy'),
        'blue-green needs traffic: the proxy that moves from one colour to the other',
      ),
    );
  }
  if (platform?.kind === 'swarm') {
    findings.push(
      finding(
        of.pathOf('platform'),
        'a swarm service is updated in place; blue-green needs a stack per colour: {stack: deploy/prod-{colour}.yml}',
      ),
    );
  }
  if (platform?.kind === 'kubernetes' && !usesColour(platform.kubernetes)) {
    findings.push(
      finding(
        of.pathOf('platform', 'kubernetes'),
        'needs {colour}: blue and green are two deployments, such as deployment/app-{colour}',
      ),
    );
  }
  if (platform?.kind === 'kubernetes' && platform.kubernetes.startsWith('daemonset/')) {
    findings.push(
      finding(
        of.pathOf('platform', 'kubernetes'),
        'a daemonset runs on every node and cannot be stopped; blue-green needs a deployment per colour',
      ),
    );
  }
  if (platform?.kind === 'stack' && platform.name !== undefined && !usesColour(platform.name)) {
    findings.push(finding(of.pathOf('platform', 'name'), 'needs {colour}: blue and green are two stacks'));
  }
  if (platform?.kind === 'helm' && platform.release !== undefined && !usesColour(platform.release)) {
    findings.push(
      finding(
        of.pathOf('platform', 'release'),
        `needs {colour}: blue and green are two releases, such as ${platform.release}-{colour}`,
      ),
    );
  }
  return findings;
}

/** A share of the users, watched before the next: only where the proxy can split them, and there is something to watch. */
function checkSteps(of: EnvironmentSettings, traffic: Traffic): Finding[] {
  const { steps, each } = traffic;
  const at = of.pathOf('traffic', 'steps');
  if (steps === undefined) {
    if (each === undefined) return [];
    return [finding(of.pathOf('traffic', 'each'), 'is how long each of the steps is watched; say steps')];
  }
  const findings: Finding[] = [];
  if (steps.some((step, index) => step <= (steps[index - 1] ?? 0)) || steps.at(-1) !== 100)
    findings.push(finding(at, 'must grow from step to step and end with 100%, such as [5%, 25%, 100%]'));
  if (of.settings.bake === undefined)
    findings.push(finding(at, 'needs bake: its checks are what is watched between the steps'));
  const splits =
    (traffic.kind === 'nginx' && traffic.upstreams !== undefined) ||
    (traffic.kind === 'traefik' && traffic.services !== undefined);
  if (!splits)
    findings.push(
      finding(at, 'is for nginx with upstreams and traefik with services: others do not split users'),
    );
  return findings;
}

/** `{host}` in how a proxy is asked: there is one on each host. */
function checkProxies(of: EnvironmentSettings, traffic: Traffic): Finding[] {
  const problem = asksEachHost(traffic) ? whyNotOnEachHost(of, traffic) : null;
  if (problem === null) return [];
  return [finding(of.pathOf('traffic', 'confirm', 'url'), `asks a proxy on each {host}, ${problem}`)];
}

/** null = there can be one on each. */
function whyNotOnEachHost({ settings }: EnvironmentSettings, { confirm, host }: Traffic): string | null {
  if (confirm?.url?.startsWith('/') === true) return 'so it must be an address, such as http://{host}/health';
  if (host !== undefined) return 'but host: says where the one proxy runs; leave one out';
  if (proxyOnFirstHost(settings) === null || platformOnHosts(settings) === null)
    return 'but nothing of this runs on the hosts; leave {host} out';
  return null;
}

function checkTraffic(of: EnvironmentSettings): Finding[] {
  const { traffic } = of.settings;
  if (traffic === undefined) return [];
  const findings: Finding[] = [];
  findings.push(...checkSteps(of, traffic), ...checkProxies(of, traffic));
  if (traffic.within !== undefined && traffic.switch !== 'manual') {
    findings.push(
      finding(of.pathOf('traffic', 'within'), 'is how long a person may take; say switch: manual'),
    );
  }
  if (traffic.kind === 'caddy' && traffic.caddy.startsWith('/')) {
    for (const key of ['file', 'path'] as const) {
      if (traffic[key] === undefined) continue;
      findings.push(
        finding(of.pathOf('traffic', key), 'is for an admin address, such as caddy: http://127.0.0.1:2019'),
      );
    }
  }
  const both: [
    'upstreams' | 'backends' | 'colours' | 'services',
    { blue: string; green: string } | undefined,
  ][] = [
    ['colours', traffic.colours],
    ['upstreams', 'upstreams' in traffic ? traffic.upstreams : undefined],
    ['backends', 'backends' in traffic ? traffic.backends : undefined],
    ['services', 'services' in traffic ? traffic.services : undefined],
  ];
  for (const [key, pair] of both) {
    if (pair === undefined || pair.blue !== pair.green) continue;
    findings.push(
      finding(of.pathOf('traffic', key, 'green'), 'is the same as blue; the colours must be two'),
    );
  }
  return findings;
}
