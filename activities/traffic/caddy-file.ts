/**
 * Caddy with `{file.…}`: it reads the address from a file with every request. Nothing is reloaded and nobody has to be
 * told, so no connection is dropped, and there is nothing that a restart could forget.
 */
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { readWhole, wholeOf } from './shares.js';
import type { Traffic, TrafficContext } from './traffic.js';
import { lookAtFile, proveFile, type Wording } from './watched-file.js';
import { requireAddress, requirePath } from './words.js';

type CaddyFilePlan = Extract<TrafficPlan, { kind: 'caddy-file' }>;

export const caddyFile: Traffic<CaddyFilePlan> = {
  prove: (context) => proveFile(context, wordingOf(context)),
  look: async (context) => {
    const wording = wordingOf(context);
    return await lookAtFile(context, wording.file, wording);
  },
};

function wordingOf({ plan }: TrafficContext<CaddyFilePlan>): Wording {
  const file = requirePath(plan.file, 'traffic.caddy');
  const blue = requireAddress(plan.upstreams.blue, 'traffic.upstreams.blue');
  const green = requireAddress(plan.upstreams.green, 'traffic.upstreams.green');
  return {
    file,
    explain: () => null,
    read: (text) => readWhole(text.trim(), { blue, green }),
    // the address and nothing else: Caddy takes all of the text
    write: (_, shares) => `${wholeOf(shares, { blue, green })}\n`,
    example: blue,
  };
}
