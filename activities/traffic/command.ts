/**
 * A proxy of the team's own: one command switches, one says which colour it is on. They are repeated after a crash,
 * and run beside those of other pipelines: locking what they share is theirs.
 */
import type { Colour } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { foreignHand, refused } from '../failure.js';
import type { CommandResult, Fence } from '../hosts/host.js';
import type { Traffic, TrafficContext } from './traffic.js';

type CommandPlan = Extract<TrafficPlan, { kind: 'command' }>;
type CommandContext = TrafficContext<CommandPlan>;

const TIMEOUT_MS = 60_000;

export const command: Traffic<CommandPlan> = {
  async prove(context) {
    const { plan } = context;
    if ((await readColour(context)) === null) {
      throw refused({
        what: `\`${plan.currentCommand}\` prints neither blue nor green`,
        where: context.host.name,
        why: null,
        wayOut: 'make it print the colour that has the traffic, and nothing else',
      });
    }
    if (plan.testCommand === null) return 'the proxy says its colour';
    for (const colour of ['blue', 'green'] as const) {
      requireSuccess(context, plan.testCommand, await run(context, plan.testCommand, colour));
    }
    return 'the proxy accepts both colours';
  },

  async look(context) {
    const { plan, host, fence } = context;
    const colour = await readColour(context);
    return {
      colour,
      switchTo: async (to, from) => {
        if (from !== null && colour !== from && colour !== to) {
          throw foreignHand({
            what: `\`${plan.currentCommand}\` should print ${from}, but prints ${colour ?? 'no colour'}`,
            where: host.name,
            why: null,
            wayOut: `see who changed it; put ${from} back there or accept what it says, then retry`,
          });
        }
        requireSuccess(context, plan.switchCommand, await run(context, plan.switchCommand, to, { fence }));
      },
    };
  },
};

async function readColour(context: CommandContext): Promise<Colour | null> {
  const { currentCommand } = context.plan;
  const result = await run(context, currentCommand, null);
  requireSuccess(context, currentCommand, result);
  const printed = result.stdout.trim();
  return printed === 'blue' || printed === 'green' ? printed : null;
}

/** Only what writes carries the fence: looking is free, also for who holds no token. */
async function run(
  context: CommandContext,
  text: string,
  colour: Colour | null,
  writing: { fence?: Fence } = {},
): Promise<CommandResult> {
  const { host, env, render } = context;
  return host.run({
    argv: ['sh', '-c', render(text, colour)],
    isTeams: true,
    env: colour === null ? env : { ...env, SLIPWAY_COLOUR: colour },
    timeoutMs: TIMEOUT_MS,
    ...writing,
  });
}

function requireSuccess({ host }: CommandContext, text: string, result: CommandResult): void {
  if (result.exitCode === 0) return;
  if (result.exitCode === null) {
    throw new Error(
      `${host.name}: ${result.timedOut ? `no end within ${TIMEOUT_MS / 1000}s` : 'connection lost'}: ${text}`,
    );
  }
  throw refused({
    what: `\`${text}\` exited ${result.exitCode}`,
    where: host.name,
    why: `${result.stderr}\n${result.stdout}`.trim(),
    wayOut: 'run it there as the deploy user; it must succeed when repeated',
  });
}
