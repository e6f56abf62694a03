/** Of the plan: the proxy, how it moves traffic, and how that is confirmed. Persisted like the rest of it. */
import type { HostPlan } from './plan-platform.js';
import type { SecretReference } from './secret-references.js';

export type TrafficPlan = TrafficCommon &
  (
    | {
        kind: 'nginx';
        /** The include file that names the upstream. */
        file: string;
        /** `host:port` per colour; null = `<file>.blue` and `<file>.green` on the host hold the whole text. */
        upstreams: { blue: string; green: string } | null;
        upstreamName: string;
        testCommand: string;
        reloadCommand: string;
      }
    | {
        kind: 'haproxy';
        /** Admin socket. */
        socket: string;
        /** Map file read by `use_backend %[…,map(FILE)]`. */
        map: string;
        key: string;
        /** Name of the backend per colour, checked against `show backend`. */
        backends: { blue: string; green: string };
      }
    | {
        kind: 'command';
        /** `{colour}` is the colour to switch to. */
        switchCommand: string;
        /** Prints `blue` or `green`. */
        currentCommand: string;
        testCommand: string | null;
        on: 'host' | 'worker';
      }
    | {
        kind: 'kubernetes';
        /** `service/app` */
        service: string;
        /** Label of its selector that is blue or green. */
        key: string;
        namespace: string;
        /** null = the worker's own. */
        kubeconfig: SecretReference | null;
      }
    | {
        kind: 'traefik';
        /** In the folder that the file provider watches. */
        file: string;
        /** Service per colour; null = `<file>.blue` and `<file>.green` on the host hold the whole text. */
        services: { blue: string; green: string } | null;
        /** The weighted service that names one of them. */
        serviceName: string;
      }
    | {
        kind: 'caddy-file';
        /** Holds the address; Caddy reads it with every request. */
        file: string;
        /** `host:port` per colour. */
        upstreams: { blue: string; green: string };
      }
    | {
        kind: 'caddy';
        /** `http://127.0.0.1:2019`, as the proxy's host sees it. */
        admin: string;
        /** Part of Caddy's configuration in which its `reverse_proxy` is looked for: `/config/…` or `/id/…`. */
        path: string;
        /** `host:port` per colour. */
        upstreams: { blue: string; green: string };
        /** Snippet that the Caddyfile imports; null = Caddy keeps its own configuration over a restart (`--resume`). */
        file: string | null;
      }
  );

/** `host:port` per colour, where the plan says it. */
export function upstreamsOf(traffic: TrafficPlan): { blue: string; green: string } | null {
  return 'upstreams' in traffic ? traffic.upstreams : null;
}

/** Can its users be split between the colours? */
export function canSplit(traffic: TrafficPlan): boolean {
  return (
    (traffic.kind === 'nginx' && traffic.upstreams !== null) ||
    (traffic.kind === 'traefik' && traffic.services !== null)
  );
}

/** How sure a row of answers must make us that nobody is sent to the other colour any more. */
const MISSED_AT_MOST = 0.001;
/** A proxy that was asked so often and never once said the other colour is believed whatever its share was. */
const ANSWERS_AT_MOST = 300;

/**
 * Answers in a row that confirm a switch of all users. Where they go over in steps it may be a small share that the
 * proxy still gives to the other colour, and a few answers would not meet it.
 */
export function answersToConfirm({ confirm, weights }: Pick<TrafficCommon, 'confirm' | 'weights'>): number {
  const shares = weights
    .filter((percent) => percent < 100)
    .map((percent) => Math.min(percent, 100 - percent));
  if (shares.length === 0) return confirm.times;
  const smallest = Math.min(...shares) / 100;
  const enough = Math.ceil(Math.log(MISSED_AT_MOST) / Math.log(1 - smallest));
  return Math.max(confirm.times, Math.min(enough, ANSWERS_AT_MOST));
}

export interface TrafficCommon {
  switch: 'auto' | 'manual';
  /** How long a manual switch may be waited for before the idle colour is undone. */
  switchWithinMs: number;
  confirm: ConfirmPlan;
  /**
   * Where each colour answers by itself, as the proxy's host sees it (file key `colours: {blue: http://…, green: …}`).
   * null = nginx's `upstreams`, else the checks' own urls, which then contain `{colour}`.
   */
  colourUrls: { blue: string; green: string } | null;
  /** Longest request plus margin: how long the old colour keeps serving what it has. */
  drainMs: number;
  /** Percent of the users, step by step, the last one 100; empty = all at once. */
  weights: number[];
  /** How long each share but the last is watched; present with `weights`. */
  stepMs?: number;
  /** Where the proxy runs when it is not the environment's first host. */
  host: HostPlan | null;
  /** Each host has a proxy of its own: how each is asked, from the worker. Absent = there is one, asked at `confirm.url`. */
  proxies?: ProxyPlan[];
}

export interface ProxyPlan {
  /** Name of the host it runs on. */
  host: string;
  /** Instead of `confirm.url`. */
  url: string;
}

export interface ConfirmPlan {
  /** Asked through the proxy, from the worker. */
  url: string;
  /** Response header that names the colour; null = the body's trimmed text. */
  header: string | null;
  /** Answers of the new colour in a row. */
  times: number;
  /** Pause between two questions; 0 = the next as soon as the last is answered (wrong answers always wait a little). */
  intervalMs: number;
  /** How long the row of answers may take altogether. */
  timeoutMs: number;
}
