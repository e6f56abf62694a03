/** Proxies that read a file by themselves: writing it, under its folder's lock, is all there is to do. */
import { refused } from '../failure.js';
import type { Host } from '../hosts/host.js';
import { applyFile, foreignFile, requireReplaceable } from './apply-file.js';
import { colourWithAll, giveShare, mayLeave, type Shares } from './shares.js';
import type { Look, TrafficContext } from './traffic.js';

/** How a file says a colour. */
export interface Wording {
  file: string;
  /** What is wrong with a text that is there; null = nothing. */
  explain: (text: string) => string | null;
  read: (text: string) => Shares | null;
  /** Into the text that is there; null = no file. */
  write: (present: string | null, shares: Shares) => string;
  /** What to put there by hand. */
  example: string;
  /** As in ApplyFile. */
  staging?: string;
}

type Context = Pick<TrafficContext, 'host' | 'fence' | 'env' | 'plan'>;

/** Read only. Throws Refused when the file could not be switched. */
export async function proveFile({ host }: Context, wording: Wording): Promise<string> {
  const text = await host.readFile(wording.file);
  const problem = text === null ? 'does not exist' : wording.explain(text);
  const colour = text === null || problem !== null ? null : colourWithAll(wording.read(text));
  if (colour === null) throw refuseFile(host, wording, problem ?? 'names neither blue nor green', text);
  await requireReplaceable(host, wording.file, true);
  return `${wording.file} names ${colour}`;
}

export async function lookAtFile({ host, fence, env, plan }: Context, wording: Wording): Promise<Look> {
  const { file, staging } = wording;
  const present = await host.readFile(file);
  const sharesOf = (text: string | null): Shares | null => (text === null ? null : wording.read(text));
  return {
    colour: colourWithAll(sharesOf(present)),
    switchTo: async (to, from, percent) => {
      await applyFile({
        ...{ host, fence, env, file, present, isTeams: true },
        ...(staging === undefined ? {} : { staging }),
        render: (now) => {
          const problem = now === null ? null : wording.explain(now);
          if (problem !== null) throw refuseFile(host, wording, problem, now);
          const inSteps = plan.weights.length > 0;
          if (from !== null && !mayLeave(sharesOf(now), inSteps)) throw foreignFile(host, file, from, now);
          return wording.write(now, giveShare(to, percent));
        },
        testCommand: null,
        applyArgv: ['true'],
      });
    },
  };
}

export function refuseFile(
  host: Host,
  { file, example }: Pick<Wording, 'file' | 'example'>,
  problem: string,
  text: string | null,
): Error {
  return refused({
    what: `${file} ${problem}`,
    where: host.name,
    why: text,
    wayOut: `set it up as docs/traffic.md says, with the colour that has the traffic: ${example}`,
  });
}
