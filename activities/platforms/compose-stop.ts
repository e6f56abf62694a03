/** Of a compose project only the services that the release builds are stopped: its database may be in the same project. */
import type { UndoResult } from '../../workflows/activity-contract.js';
import { listProject } from './compose-containers.js';
import { nameOfProject, placeOfProject, requireOurs } from './compose-project.js';
import { repositoryOf } from './image-reference.js';
import type { PlatformContext } from './platform.js';

/** Seconds that a process has to end by itself. */
const GRACE_S = 10;

export async function stopOwnServices(context: PlatformContext): Promise<UndoResult> {
  const { target } = context;
  const docker = await context.host.docker();
  const place = await placeOfProject(context);
  const name = await nameOfProject(context, place);
  const built = new Set(target.artifacts.map(({ repository }) => repository));
  const containers = await listProject(docker, name);
  requireOurs(context, place, name, containers);
  const own = containers.filter(({ image }) => built.has(repositoryOf(image)));
  const running = own.filter(({ state }) => ['running', 'restarting', 'paused'].includes(state));
  if (running.length === 0)
    return { outcome: 'never-ran', note: `nothing of ${target.version} runs in project ${name}` };
  await Promise.all(running.map(({ id }) => docker.getContainer(id).stop({ t: GRACE_S })));
  const names = running.map(({ service }) => service);
  return { outcome: 'undone', note: `${target.version} stopped: ${[...new Set(names)].join(' ')}` };
}
