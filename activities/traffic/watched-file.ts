/** Proxies whose colour stands in a file: written under its folder's lock, then read by themselves or when told to. */
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
  /** For a proxy that does not watch the file: what it is asked first and told then, as in ApplyFile. */
  reload?: { testCommand: string; applyArgv: string[] };
}

type Context = Pick<TrafficContext, 'host' | 'fence' | 'env' | 'plan'>;

/** Read only. Throws Refused when the file could not be switched. */
export async function proveFile({ host, plan }: Context, wording: Wording): Promise<string> {
  const text = await host.readFile(wording.file);
  const problem = text === null ? 'does not exist' : wording.explain(text);
  const shares = text === null || problem !== null ? null : wording.read(text);
  if (!mayLeave(shares, plan))
    throw refuseFile(host, wording, problem ?? 'names neither blue nor green', text);
  await requireReplaceable(host, wording.file, true);
  return `${wording.file} names ${colourWithAll(shares) ?? 'both colours'}`;
}

/** The way to say it may have to be read from the host too: that and the file are read at the same time. */
export async function lookAtFile(
  { host, fence, env, plan }: Context,
  file: string,
  worded: Wording | Promise<Wording>,
): Promise<Look> {
  const [wording, present] = await Promise.all([worded, host.readFile(file)]);
  const { staging, reload } = wording;
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
          if (from !== null && !mayLeave(sharesOf(now), plan)) throw foreignFile(host, file, from, now);
          return wording.write(now, giveShare(to, percent));
        },
        ...(reload ?? { testCommand: null, applyArgv: ['true'] }),
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
