/** What Caddy's configuration and the snippet of its Caddyfile say about the colours. Pure. */
import type { Colour } from '../../pipeline/plan.js';
import type { Fence } from '../hosts/host.js';

export interface Addresses {
  blue: string;
  green: string;
}

export interface FoundProxy {
  /** From the searched object down to the handler. */
  keys: string[];
  handler: Record<string, unknown>;
  /** null = both. */
  colour: Colour | null;
}

/** Every `reverse_proxy` that sends users to our addresses and to no other, in the order of the configuration. */
export function findProxies(tree: unknown, addresses: Addresses, keys: string[] = []): FoundProxy[] {
  if (typeof tree !== 'object' || tree === null) return [];
  if (isMap(tree) && tree['handler'] === 'reverse_proxy') {
    const dials = dialsOf(tree);
    const isOurs = dials.length > 0 && dials.every((dial) => colourAt(dial, addresses) !== null);
    if (!isOurs) return [];
    const [first, ...others] = new Set(dials.map((dial) => colourAt(dial, addresses)));
    return [{ keys, handler: tree, colour: others.length === 0 ? (first ?? null) : null }];
  }
  return Object.entries(tree).flatMap(([key, value]) => findProxies(value, addresses, [...keys, key]));
}

/** The same handler, with all users sent to one colour. */
export function pointAt({ handler }: FoundProxy, address: string): Record<string, unknown> {
  const [first] = Array.isArray(handler['upstreams']) ? (handler['upstreams'] as unknown[]) : [];
  return { ...handler, upstreams: [{ ...(isMap(first) ? first : {}), dial: address }] };
}

/** Every address that some `reverse_proxy` has, for people. */
export function listDials(tree: unknown): unknown[] {
  if (typeof tree !== 'object' || tree === null) return [];
  const own = isMap(tree) && tree['handler'] === 'reverse_proxy' ? dialsOf(tree) : [];
  return [...new Set([...own, ...Object.values(tree).flatMap(listDials)])];
}

/** The snippet that the Caddyfile imports inside `reverse_proxy`. */
export function renderSnippet(
  { pipeline, environment }: Pick<Fence, 'pipeline' | 'environment'>,
  address: string,
): string {
  return `# Written by Slipway for ${pipeline}/${environment}. Change it with: slipway switch\nto ${address}\n`;
}

/** The colour that a snippet names, written by us or by hand; null = neither, or more than that. */
export function readSnippet(text: string, addresses: Addresses): Colour | null {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
  const [word, address, ...others] = (lines[0] ?? '').split(/\s+/);
  if (lines.length !== 1 || word !== 'to' || address === undefined || others.length > 0) return null;
  return colourAt(address.replace(/^http:\/\//, ''), addresses);
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function colourAt(address: unknown, { blue, green }: Addresses): Colour | null {
  return address === blue ? 'blue' : address === green ? 'green' : null;
}

function dialsOf(handler: Record<string, unknown>): unknown[] {
  const upstreams: unknown = handler['upstreams'];
  return Array.isArray(upstreams)
    ? upstreams.map((upstream: unknown) => (isMap(upstream) ? upstream['dial'] : null))
    : [];
}
