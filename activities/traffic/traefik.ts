/**
 * Traefik: a file of its file provider in which a weighted service names the colour. Traefik watches the folder, so
 * writing the file is all there is to do; it refuses a bad one in silence, so only its answers are believed.
 */
import type { Colour } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { refused } from '../failure.js';
import { applyFile, foreignFile, requireReplaceable } from './apply-file.js';
import { readColourFiles } from './colour-files.js';
import {
  explainWeighted,
  readWeighted,
  weightedExample,
  writeWeighted,
  type WeightedService,
} from './traefik-text.js';
import type { Traffic, TrafficContext } from './traffic.js';
import { requirePath, requireWord } from './words.js';

type TraefikPlan = Extract<TrafficPlan, { kind: 'traefik' }>;
type TraefikContext = TrafficContext<TraefikPlan>;

/** How the file says a colour: by one list in it, or by all of its text. */
interface Writing {
  /** What is wrong with a text that is there; null = nothing. */
  explain: (text: string) => string | null;
  read: (text: string) => Colour | null;
  write: (text: string | null, colour: Colour) => string;
  example: string;
}

/**
 * A file made in the watched folder wakes Traefik, which then sleeps its throttle (2 s by default) before it looks at
 * the rename. It does not watch folders below.
 */
const STAGING = '.slipway';

export const traefik: Traffic<TraefikPlan> = {
  async prove(context) {
    const { host, plan } = context;
    const [writing, text] = await Promise.all([chooseWriting(context), host.readFile(plan.file)]);
    const problem = text === null ? 'does not exist' : writing.explain(text);
    if (text === null || problem !== null) throw refuseFile(context, problem ?? '', text, writing);
    const colour = writing.read(text);
    if (colour === null) throw refuseFile(context, 'names neither blue nor green', text, writing);
    await requireReplaceable(host, plan.file, true);
    return `${plan.file} names ${colour}`;
  },

  async look(context) {
    const { host, plan, fence, env } = context;
    const [writing, present] = await Promise.all([chooseWriting(context), host.readFile(plan.file)]);
    const colourOf = (text: string | null): Colour | null => (text === null ? null : writing.read(text));
    return {
      colour: colourOf(present),
      switchTo: async (to, from) => {
        await applyFile({
          ...{ host, fence, env, present, staging: STAGING },
          file: plan.file,
          isTeams: true,
          render: (now) => {
            const problem = now === null ? null : writing.explain(now);
            if (problem !== null) throw refuseFile(context, problem, now, writing);
            const there = colourOf(now);
            if (from !== null && there !== to && there !== from)
              throw foreignFile(host, plan.file, from, now);
            return writing.write(now, to);
          },
          testCommand: null,
          applyArgv: ['true'],
        });
      },
    };
  },
};

async function chooseWriting(context: TraefikContext): Promise<Writing> {
  const { host, plan } = context;
  requirePath(plan.file, 'traffic.traefik');
  if (plan.services === null) {
    const texts = await readColourFiles(host, plan.file, 'give `services:` in the pipeline file');
    return {
      explain: () => null,
      read: (text) => (text === texts.blue ? 'blue' : text === texts.green ? 'green' : null),
      write: (_, colour) => texts[colour],
      example: `cp ${plan.file}.blue ${plan.file}`,
    };
  }
  const service = requireWords(plan.serviceName, plan.services);
  const example = weightedExample(service);
  return {
    explain: (text) => explainWeighted(service, text),
    read: (text) => readWeighted(service, text),
    write: (text, colour) => {
      if (text === null) throw refuseFile(context, 'does not exist', null, { example });
      return writeWeighted(service, text, colour);
    },
    example,
  };
}

function requireWords(serviceName: string, services: NonNullable<TraefikPlan['services']>): WeightedService {
  requireWord(serviceName, 'traffic.service');
  requireWord(services.blue, 'traffic.services.blue');
  requireWord(services.green, 'traffic.services.green');
  return { serviceName, services };
}

function refuseFile(
  { host, plan }: TraefikContext,
  problem: string,
  text: string | null,
  { example }: Pick<Writing, 'example'>,
): Error {
  return refused({
    what: `${plan.file} ${problem}`,
    where: host.name,
    why: text,
    wayOut: `set it up as docs/traffic.md says, with the colour that has the traffic: ${example}`,
  });
}
