/** What must be true of a host before Swarm is asked for anything: an engine, and a manager. Read only. */
import type { PreflightFinding } from '../../workflows/activity-contract.js';
import { lookAtDocker } from './engine-preflight.js';
import { finding } from './host-findings.js';
import type { PlatformContext } from './platform.js';

export interface SwarmLook {
  findings: PreflightFinding[];
  /** null = the engine or the swarm cannot be asked, and nothing below it either. */
  dataFolder: string | null;
}

export async function lookAtEngine(context: PlatformContext): Promise<SwarmLook> {
  const { findings, info } = await lookAtDocker(context);
  if (info === null) return { findings, dataFolder: null };
  if (info.Swarm.ControlAvailable)
    return {
      findings: [...findings, finding(context, 'swarm', 'ok', 'manager')],
      dataFolder: info.DockerRootDir,
    };
  const problem = finding(
    context,
    'swarm',
    'problem',
    `not a swarm manager (${info.Swarm.LocalNodeState})`,
    'name a manager under hosts:, or run there: docker swarm init',
  );
  return { findings: [...findings, problem], dataFolder: null };
}
