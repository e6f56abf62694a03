/** A container by the name people know it by: its own, or that of a compose or Swarm service. */
import type Docker from 'dockerode';
import type { EnvironmentPlan } from '../../pipeline/plan.js';

const COMPOSE_FOLDER = 'com.docker.compose.project.working_dir';

/**
 * Running ones, those of this environment's own compose project only, where it has one: two environments on one host
 * call their services the same.
 */
export async function findContainers(
  docker: Docker,
  name: string,
  { platform }: Pick<EnvironmentPlan, 'platform'>,
): Promise<Docker.ContainerInfo[]> {
  const running = await docker.listContainers();
  const named = running.filter(({ Names }) => Names.includes(`/${name}`));
  if (named.length > 0) return named;
  return running.filter(
    ({ Labels }) =>
      Labels['com.docker.swarm.service.name'] === name ||
      (Labels['com.docker.compose.service'] === name &&
        (platform.kind !== 'compose' || Labels[COMPOSE_FOLDER] === platform.folder)),
  );
}
