/** What the include file of an nginx upstream says, and which colour a text names. Pure. */
import type { Colour } from '../../pipeline/plan.js';
import type { Fence } from '../hosts/host.js';
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
export function renderUpstream(input: UpstreamText, colour: Colour): string {
  const name = requireWord(input.upstreamName, 'traffic.upstream');
  return [
    `# Written by Slipway for ${input.fence.pipeline}/${input.fence.environment}. Change it with: slipway switch`,
    `map $host $${variableName(name)} {`,
    `    default ${colour};`,
    '}',
    upstreamBlock(input, colour),
    '',
  ].join('\n');
}

/** The colour this text names, written by us or by hand with the upstream block alone; null = neither. */
export function readUpstream(input: UpstreamText, text: string): Colour | null {
  const present = withoutLayout(text);
  for (const colour of ['blue', 'green'] as const) {
    const ours = [renderUpstream(input, colour), upstreamBlock(input, colour)];
    if (ours.some((own) => withoutLayout(own) === present)) return colour;
  }
  return null;
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
