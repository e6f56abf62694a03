/**
 * What a node's proxy does for users, played: a request goes to a ready pod that the Service selects, and the pod answers as
 * the release of its image would. Pods that were known go on being used while the API server is away.
 */
import { createServer, type Server } from 'node:http';
import { listen } from '../../support/listen.js';
import type { TestCluster } from '../../support/kubernetes.js';
import { freePort } from '../../support/sshd.js';
import type { Quality } from '../committer.js';
import type { Breakable } from '../ground.js';

const DOORS = ['users', 'blue', 'green', 'stage'] as const;
type Door = (typeof DOORS)[number];

export interface Doors extends Breakable {
  /** Of users of prod, of each colour by itself, and of users of stage. */
  urls: Record<Door, string>;
  stop(): Promise<void>;
}

interface Pod {
  metadata: { labels: { colour: string }; deletionTimestamp?: string };
  spec: { containers: { image: string }[] };
  status: { conditions?: { type: string; status: string }[] };
}

type Releases = ReadonlyMap<string, { version: string; quality: Quality }>;

export async function openDoors(cluster: TestCluster, namespace: string, releases: Releases): Promise<Doors> {
  let known: { selected: string; pods: Pod[] } = { selected: '', pods: [] };
  const look = async (): Promise<typeof known> => {
    const at = `/api/v1/namespaces/${namespace}`;
    try {
      const service = (await cluster.call('GET', `${at}/services/app`)) as {
        spec: { selector: { colour: string } };
      };
      const { items } = (await cluster.call('GET', `${at}/pods`)) as { items: Pod[] };
      known = { selected: service.spec.selector.colour, pods: items };
    } catch {
      // the API server is away: as it was
    }
    return known;
  };
  const answer = async (
    door: Door,
    path: string,
  ): Promise<{ status: number; text: string; colour: string }> => {
    const { selected, pods } = await look();
    const colour = door === 'users' ? selected : door;
    const pod = pods.find((each) => each.metadata.labels.colour === colour && isReady(each));
    const digest = /sha256:[0-9a-f]{64}$/.exec(pod?.spec.containers[0]?.image ?? '')?.[0] ?? '';
    const release = releases.get(digest);
    if (pod === undefined) return { status: 503, text: 'no pod', colour };
    const isBad = release?.quality === 'sick' || (release?.quality === 'errs' && path === '/orders');
    return { status: isBad ? 500 : 200, text: release?.version ?? 'first', colour };
  };
  const ports = {
    users: await freePort(),
    blue: await freePort(),
    green: await freePort(),
    stage: await freePort(),
  };
  let servers: Server[] = [];
  const mend = async (): Promise<void> => {
    for (const door of DOORS) {
      const server = createServer((request, response) => {
        void answer(door, request.url ?? '').then(({ status, text, colour }) => {
          const headers = door === 'stage' ? {} : { 'X-Colour': colour };
          response.writeHead(status, headers).end(text);
        });
      });
      await listen(server, ports[door]);
      servers.push(server);
    }
  };
  const close = async (): Promise<void> => {
    const closing = servers;
    servers = [];
    for (const server of closing) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
  await mend();
  const at = (door: Door): string => `http://127.0.0.1:${ports[door]}`;
  return {
    urls: { users: at('users'), blue: at('blue'), green: at('green'), stage: at('stage') },
    ...{ break: close, mend, stop: close },
  };
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.some((each) => each.type === 'Ready' && each.status === 'True');
  return metadata.deletionTimestamp === undefined && ready === true;
}
