/** How traffic moves from one colour to the other. */
import { resolveUrl } from './compile-checks.js';
import type { TextCompiler } from './compile-text.js';
import { toHost, valueOfHost } from './each-host.js';
import { asksEachHost, type EnvironmentSettings } from './environment-settings.js';
import type { FilePath } from './file-error.js';
import type { HostPlan } from './plan-platform.js';
import type { ConfirmPlan, ProxyPlan, TrafficCommon, TrafficPlan } from './plan-traffic.js';
import { refusePlan } from './plan-refused.js';
import type { Traffic } from './schema-traffic.js';

const SECOND = 1_000;
const SWITCH_WITHIN_MS = 24 * 3_600 * SECOND;
const DRAIN_MS = 10 * SECOND;
const STEP_MS = 5 * 60 * SECOND;
const CONFIRM_TIMES = 20;
const CONFIRM_TIMEOUT_MS = 60 * SECOND;
const COLOUR_HEADER = 'X-Colour';

interface ColourPair {
  blue: string;
  green: string;
}

/** What of the environment its traffic is about. */
interface Around {
  url: string | null;
  hosts: readonly HostPlan[];
  texts: TextCompiler;
}

export function compileTraffic(of: EnvironmentSettings, around: Around): TrafficPlan | null {
  const { traffic } = of.settings;
  if (traffic === undefined) return null;
  const at = (...keys: string[]): FilePath => of.pathOf('traffic', ...keys);
  const { texts } = around;
  const common = compileCommon(traffic, around, at);
  const pair = (value: ColourPair, key: string): ColourPair => ({
    blue: texts.text(value.blue, at(key, 'blue')),
    green: texts.text(value.green, at(key, 'green')),
  });
  const optionalPair = (value: ColourPair | undefined, key: string): ColourPair | null =>
    value === undefined ? null : pair(value, key);
  switch (traffic.kind) {
    case 'nginx': {
      const file = texts.text(traffic.nginx, at('nginx'));
      return {
        ...common,
        kind: 'nginx',
        file,
        upstreams: optionalPair(traffic.upstreams, 'upstreams'),
        upstreamName:
          texts.optional(traffic.upstream, at('upstream')) ??
          nameAfter(file, /\.conf$/, 'upstream', texts.where(at('nginx'))),
        testCommand: texts.command(traffic.test ?? 'nginx -t', at('test'), []),
        reloadCommand: texts.command(traffic.reload ?? 'nginx -s reload', at('reload'), []),
      };
    }
    case 'haproxy':
      return {
        ...common,
        kind: 'haproxy',
        socket: texts.text(traffic.haproxy, at('haproxy')),
        map: texts.text(traffic.map, at('map')),
        key: texts.text(traffic.key, at('key')),
        backends: pair(traffic.backends, 'backends'),
      };
    case 'command':
      return {
        ...common,
        kind: 'command',
        switchCommand: texts.command(traffic.command, at('command'), ['colour']),
        currentCommand: texts.command(traffic.current, at('current'), []),
        testCommand: texts.optionalCommand(traffic.test, at('test'), ['colour']),
        on: traffic.on ?? 'host',
      };
    case 'kubernetes': {
      const { platform } = of.settings;
      const own = platform !== undefined && 'kubeconfig' in platform ? platform : undefined;
      return {
        ...common,
        kind: 'kubernetes',
        service: texts.text(traffic.kubernetes, at('kubernetes')),
        key: texts.text(traffic.key ?? 'colour', at('key')),
        namespace: texts.text(traffic.namespace ?? own?.namespace ?? 'default', at('namespace')),
        kubeconfig: texts.optional(traffic.kubeconfig ?? own?.kubeconfig, at('kubeconfig')),
      };
    }
    case 'traefik': {
      const file = texts.text(traffic.traefik, at('traefik'));
      return {
        ...common,
        kind: 'traefik',
        file,
        services: optionalPair(traffic.services, 'services'),
        serviceName:
          texts.optional(traffic.service, at('service')) ??
          nameAfter(file, /\.(ya?ml|toml)$/, 'service', texts.where(at('traefik'))),
      };
    }
    case 'caddy': {
      const upstreams = pair(traffic.upstreams, 'upstreams');
      const caddy = texts.text(traffic.caddy, at('caddy'));
      if (caddy.startsWith('/')) return { ...common, kind: 'caddy-file', file: caddy, upstreams };
      return {
        ...common,
        kind: 'caddy',
        admin: caddy,
        path: texts.optional(traffic.path, at('path')) ?? '/config/apps/http/servers',
        upstreams,
        file: texts.optional(traffic.file, at('file')),
      };
    }
  }
}

function compileCommon(traffic: Traffic, around: Around, at: (...keys: string[]) => FilePath): TrafficCommon {
  const { colours } = traffic;
  const { texts } = around;
  const proxies = compileProxies(traffic, around, at);
  return {
    switch: traffic.switch ?? 'auto',
    switchWithinMs: traffic.within ?? SWITCH_WITHIN_MS,
    confirm: {
      ...compileConfirm(traffic.confirm ?? {}),
      url: proxies[0]?.url ?? confirmUrl(traffic, around.url, texts, at),
    },
    colourUrls:
      colours === undefined
        ? null
        : {
            blue: texts.text(colours.blue, at('colours', 'blue')),
            green: texts.text(colours.green, at('colours', 'green')),
          },
    drainMs: traffic.drain ?? DRAIN_MS,
    weights: traffic.steps ?? [],
    ...(traffic.steps === undefined ? {} : { stepMs: traffic.each ?? STEP_MS }),
    host: traffic.host === undefined ? null : toHost(texts.text(traffic.host, at('host'))),
    ...(proxies.length > 1 ? { proxies } : {}),
  };
}

/** One on each host, where `{host}` says so; empty = one for all. */
function compileProxies(
  traffic: Traffic,
  { url, hosts, texts }: Around,
  at: (...keys: string[]) => FilePath,
): ProxyPlan[] {
  if (!asksEachHost(traffic)) return [];
  const where = texts.where(at('confirm', 'url'));
  const proxies = hosts.map((host) => {
    const known = texts.with({ host: valueOfHost(host, 'confirm.url', where) });
    return { host: host.name, url: confirmUrl(traffic, url, known, at) };
  });
  const same = proxies.find((each, index) => proxies.findIndex((other) => other.url === each.url) < index);
  if (same === undefined) return proxies;
  throw refusePlan(
    `two hosts have the same {host}: the proxy at ${same.url} would answer for both`,
    where,
    'give each host an address of its own in hosts, or say where the one proxy in front of them runs, host:',
  );
}

function confirmUrl(
  { confirm }: Traffic,
  url: string | null,
  texts: TextCompiler,
  at: (...keys: string[]) => FilePath,
): string {
  return resolveUrl(url, texts.optional(confirm?.url, at('confirm', 'url')) ?? '/');
}

function compileConfirm(confirm: NonNullable<Traffic['confirm']>): Omit<ConfirmPlan, 'url'> {
  return {
    header: confirm.body === true ? null : (confirm.header ?? COLOUR_HEADER),
    times: confirm.times ?? CONFIRM_TIMES,
    intervalMs: confirm.interval ?? 0,
    timeoutMs: confirm.timeout ?? CONFIRM_TIMEOUT_MS,
  };
}

/** `/etc/nginx/conf.d/shop-upstream.conf` → `shop-upstream`. */
function nameAfter(file: string, ending: RegExp, noun: string, where: string): string {
  const name = (file.split('/').at(-1) ?? '').replace(ending, '');
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)) return name;
  throw refusePlan(`no ${noun} name can be made of ${file}`, where, `add ${noun}: NAME to traffic`);
}
