/** A container by the name people know it by: its own, or that of a compose or Swarm service. */
import type Docker from 'dockerode';
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import { folderOfProject } from '../platforms/compose-project.js';

type Labels = Record<string, string>;

/**
 * Running ones. Where the environment has a compose project, only those of it in this colour: another stage or colour on
 * the same host calls its services the same.
 */
export async function findContainers(
  docker: Docker,
  name: string,
  { platform }: Pick<EnvironmentPlan, 'platform'>,
  colour: Colour | null,
): Promise<Docker.ContainerInfo[]> {
  const running = await docker.listContainers();
  const isService = (labels: Labels): boolean =>
    labels['com.docker.compose.service'] === name || labels['com.docker.swarm.service.name'] === name;
  const isOurs = ofEnvironment(platform, colour);
  const ours = running.filter(({ Labels: labels }) => isService(labels) && isOurs(labels));
  if (platform.kind === 'compose' && ours.length > 0) return ours;
  const named = running.filter(({ Names: names }) => names.includes(`/${name}`));
  return named.length > 0 ? named : ours;
}

function ofEnvironment(
  platform: EnvironmentPlan['platform'],
  colour: Colour | null,
): (labels: Labels) => boolean {
  if (platform.kind !== 'compose') return () => true;
  const folder = folderOfProject(platform.folder, colour);
  return (labels) =>
    labels['com.docker.compose.project.working_dir'] === folder &&
    (colour === null || labels['com.docker.compose.project']?.endsWith(colour) === true);
}
