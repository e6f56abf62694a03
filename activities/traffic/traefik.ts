/**
 * Traefik: a file of its file provider in which a weighted service names the colour. Traefik watches the folder; it
 * refuses a bad file in silence, so only its answers are believed.
 */
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { readColourFiles } from './colour-files.js';
import { readWhole, wholeOf } from './shares.js';
import { explainWeighted, readWeighted, weightedExample, writeWeighted } from './traefik-text.js';
import type { Traffic, TrafficContext } from './traffic.js';
import { lookAtFile, proveFile, refuseFile, type Wording } from './watched-file.js';
import { requirePath, requireWord } from './words.js';

type TraefikPlan = Extract<TrafficPlan, { kind: 'traefik' }>;
type TraefikContext = TrafficContext<TraefikPlan>;

/**
 * A file made in the watched folder wakes Traefik, which then sleeps its throttle (2 s by default) before it looks at
 * the rename. It does not watch folders below.
 */
const STAGING = '.slipway';

export const traefik: Traffic<TraefikPlan> = {
  prove: async (context) => proveFile(context, await chooseWording(context)),
  look: async (context) =>
    await lookAtFile(context, requirePath(context.plan.file, 'traffic.traefik'), chooseWording(context)),
};

async function chooseWording({ host, plan }: TraefikContext): Promise<Wording> {
  const { services, serviceName } = plan;
  const file = requirePath(plan.file, 'traffic.traefik');
  if (services === null) {
    const texts = await readColourFiles(host, file, 'give `services:` in the pipeline file');
    return {
      file,
      staging: STAGING,
      explain: () => null,
      read: (text) => readWhole(text, texts),
      write: (_, shares) => wholeOf(shares, texts),
      example: `cp ${file}.blue ${file}`,
    };
  }
  requireWord(serviceName, 'traffic.service');
  requireWord(services.blue, 'traffic.services.blue');
  requireWord(services.green, 'traffic.services.green');
  const service = { serviceName, services };
  const example = weightedExample(service);
  return {
    file,
    staging: STAGING,
    explain: (text) => explainWeighted(service, text),
    read: (text) => readWeighted(service, text),
    write: (present, shares) => {
      if (present === null) throw refuseFile(host, { file, example }, 'does not exist', null);
      return writeWeighted(service, present, shares);
    },
    example,
  };
}
