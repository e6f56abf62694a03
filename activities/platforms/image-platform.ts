/** Has an image a variant for the machines it is to run on? Known before anything is touched, from registry and engine. */
import { z } from 'zod';
import { describePlatforms, platformOf } from '../registry/platform-names.js';
import { callEngine } from './engine.js';
import { runTool } from './host-question.js';
import type { PlatformContext } from './platform.js';

/** A machine that containers run on. */
export interface Runner {
  name: string;
  /** `linux/arm64` */
  platform: string;
}

const infoSchema = z.looseObject({ OSType: z.string(), Architecture: z.string() });

const nodesSchema = z.array(
  z.looseObject({
    Spec: z.looseObject({ Availability: z.string().optional() }),
    Status: z.looseObject({ State: z.string() }),
    Description: z.looseObject({
      Hostname: z.string().default(''),
      Platform: z.looseObject({ OS: z.string().default(''), Architecture: z.string().default('') }).default({
        OS: '',
        Architecture: '',
      }),
    }),
  }),
);

/** The nodes that take tasks where a Swarm places them, else the host itself. */
export async function findRunners(context: PlatformContext): Promise<Runner[]> {
  const docker = await context.host.docker();
  if (!['swarm', 'stack'].includes(context.target.plan.platform.kind)) {
    const info = infoSchema.parse(await callEngine(docker, { method: 'GET', path: '/info' }));
    return named(context.host.name, info.OSType, info.Architecture);
  }
  const nodes = nodesSchema.parse(await callEngine(docker, { method: 'GET', path: '/nodes' }));
  return nodes
    .filter(({ Spec: spec, Status: status }) => status.State === 'ready' && spec.Availability !== 'drain')
    .flatMap(({ Description: { Hostname: name, Platform: platform } }) =>
      named(nodes.length === 1 ? context.host.name : name, platform.OS, platform.Architecture),
    );
}

/** Empty = the engine does not say what it is. */
function named(name: string, os: string, architecture: string): Runner[] {
  const platform = platformOf({ os, architecture });
  return platform === null ? [] : [{ name, platform }];
}

export interface Unfit {
  what: string;
  wayOut: string;
  /** Nothing can run it; else some of the machines can. */
  everywhere: boolean;
}

/** null = it fits, or that is not known. `present` are the image's platforms. */
export function explainUnfit(present: readonly string[], runners: readonly Runner[]): Unfit | null {
  const without = present.length === 0 ? [] : runners.filter(({ platform }) => !runs(platform, present));
  if (without.length === 0) return null;
  const platforms = [...new Set(without.map(({ platform }) => platform))];
  const lacking = platforms.map((platform) => {
    const names = without.filter((each) => each.platform === platform).map(({ name }) => name);
    return `no ${platform} variant for host ${names.join(', ')}`;
  });
  const everywhere = without.length === runners.length;
  const add = `add ${platforms.join(', ')} to platforms of the image in the pipeline file (docs/build.md#platforms)`;
  return {
    what: `image has ${lacking.join(' and ')} (it has ${describePlatforms(present)})`,
    wayOut: everywhere ? add : `${add}, or keep tasks off there: a constraint on node.platform.arch`,
    everywhere,
  };
}

/** Machines that understand the programs of a smaller one by themselves. */
const SMALLER: Record<string, string> = { 'linux/amd64': 'linux/386', 'linux/arm64': 'linux/arm' };

/** Variants of one architecture are taken for each other: which of them a machine has, engines do not tell. */
function runs(platform: string, present: readonly string[]): boolean {
  const machineOf = (each: string): string => each.split('/').slice(0, 2).join('/');
  const machine = machineOf(platform);
  return present.some((each) => [machine, SMALLER[machine]].includes(machineOf(each)));
}

/** Programs of other machines that Linux itself knows how to start; `amd64` is Docker Desktop's Rosetta as well. */
const EMULATORS: Record<string, string[]> = {
  amd64: ['qemu-x86_64', 'rosetta'],
  arm64: ['qemu-aarch64'],
  arm: ['qemu-arm'],
  386: ['qemu-i386'],
};

/** Can the host run programs of one of these platforms all the same? */
export async function canEmulate(context: PlatformContext, present: readonly string[]): Promise<boolean> {
  const wanted = present.flatMap((platform) => EMULATORS[platform.split('/')[1] ?? ''] ?? []);
  if (wanted.length === 0) return false;
  const script = 'for x do [ -e "/proc/sys/fs/binfmt_misc/$x" ] && echo yes; done; true';
  return (await runTool(context, ['sh', '-c', script, 'sh', ...wanted])).stdout.includes('yes');
}
