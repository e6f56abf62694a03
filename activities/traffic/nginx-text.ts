/** What the include file of an nginx upstream says, and which colour a text names. Pure. */
import type { Colour } from '../../pipeline/plan.js';
import type { Fence } from '../hosts/host.js';
import { colourWithAll, type Shares } from './shares.js';
import { requireAddress, requireWord } from './words.js';

export interface UpstreamText {
  upstreamName: string;
  upstreams: { blue: string; green: string };
  fence: Pick<Fence, 'pipeline' | 'environment'>;
}

/**
 * The whole file. `$<upstream>_colour` is for `add_header X-Colour $…_colour always;`: nginx workers that still run
 * the old configuration answer the old colour, so it is as good a witness as a header of the application itself.
 */
export function renderUpstream(input: UpstreamText, shares: Shares): string {
  const name = requireWord(input.upstreamName, 'traffic.upstream');
  const colour = colourWithAll(shares);
  return [
    `# Written by Slipway for ${input.fence.pipeline}/${input.fence.environment}. Change it with: slipway switch`,
    ...(colour === null ? mapOfAnswers(input, name) : mapOfOne(name, colour)),
    colour === null ? splitBlock(input, shares) : upstreamBlock(input, colour),
    '',
  ].join('\n');
}

/** What each colour has by this text, written by us or by hand with the upstream block alone; null = neither is named. */
export function readUpstream(input: UpstreamText, text: string): Shares | null {
  const present = withoutLayout(text);
  for (let blue = 0; blue <= 100; blue += 1) {
    const shares = { blue, green: 100 - blue };
    const colour = colourWithAll(shares);
    const ours = [renderUpstream(input, shares), ...(colour === null ? [] : [upstreamBlock(input, colour)])];
    if (ours.some((own) => withoutLayout(own) === present)) return shares;
  }
  return null;
}

function mapOfOne(name: string, colour: Colour): string[] {
  return [`map $host $${variableName(name)} {`, `    default ${colour};`, '}'];
}

/** Each answer says whose it is; after a retry the last address is the one that answered. */
function mapOfAnswers({ upstreams }: UpstreamText, name: string): string[] {
  const line = (colour: Colour): string =>
    `    "~(^|, )${upstreams[colour].replaceAll(/[.[\]]/g, '\\$&')}$" ${colour};`;
  return [`map $upstream_addr $${variableName(name)} {`, '    default "";', line('blue'), line('green'), '}'];
}

function splitBlock(input: UpstreamText, shares: Shares): string {
  const server = (colour: Colour): string =>
    `    server ${requireAddress(input.upstreams[colour], `traffic.upstreams.${colour}`)} weight=${shares[colour]};`;
  return [`upstream ${input.upstreamName} {`, server('blue'), server('green'), '}'].join('\n');
}

/** What a person writes once, before the first release. */
export function upstreamBlock(input: UpstreamText, colour: Colour): string {
  const address = requireAddress(input.upstreams[colour], `traffic.upstreams.${colour}`);
  return `upstream ${input.upstreamName} {\n    server ${address};\n}`;
}

function variableName(upstreamName: string): string {
  return `${upstreamName.replaceAll(/[^A-Za-z0-9]/g, '_')}_colour`;
}

function withoutLayout(text: string): string {
  return text
    .replaceAll(/#.*$/gm, ' ')
    .replaceAll(/([{};])/g, ' $1 ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
