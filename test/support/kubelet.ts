/**
 * A kubelet of the test's own: runs the pods of `node-1` on a real Docker host, pulls their images with their own login,
 * asks their readiness probes, restarts what ends, and serves their logs to the API server. Beside it stands what a Service
 * is to users: an address that leads to the pods that are ready.
 */
import https from 'node:https';
import net from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import Docker from 'dockerode';
import { demultiplex } from '../../activities/platforms/service-logs.js';
import type { DockerHost } from './docker-host.js';
import { createNode, type TestCluster } from './kubernetes.js';
import { portOf } from './registry.js';

const LOOK_EVERY_MS = 150;
const BACK_OFF_MS = 300;

interface Pod {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
  };
  spec: {
    imagePullSecrets?: { name: string }[];
    containers: {
      name: string;
      image: string;
      env?: { name: string; value: string }[];
      ports: { containerPort: number }[];
      readinessProbe: { httpGet: { path: string } };
    }[];
  };
}

/** What is known of one pod; it has one container at a time. */
interface Running {
  pod: Pod;
  container: string | null;
  /** The run before; its log can still be read. */
  previous: string | null;
  restarts: number;
  lastState: Record<string, unknown>;
  waiting: { reason: string; message?: string } | null;
  /** Of the host. */
  port: number | null;
  ready: boolean;
  notBefore: number;
  told: string;
}

export interface TestKubelet {
  /** `host:port` of the pods that are ready and have this label `app`. */
  expose(app: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startKubelet(cluster: TestCluster, host: DockerHost): Promise<TestKubelet> {
  const docker = new Docker({ socketPath: host.socketPath });
  const known = new Map<string, Running>();
  const services: net.Server[] = [];
  const stopping = new AbortController();

  const logServer = https.createServer(cluster.certificate, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://kubelet');
    void readLog(url)
      .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
      .then((said) => {
        response.writeHead(said instanceof Error ? 400 : 200, { 'content-type': 'text/plain' });
        response.end(said instanceof Error ? said.message : said);
      });
  });
  logServer.listen(0, '127.0.0.1');
  await once(logServer, 'listening');
  await createNode(cluster.call, portOf(logServer));
  await tellStatus('/api/v1/nodes/node-1', { conditions: [condition('Ready', true)] });
  const looking = lookForEver();

  async function tellStatus(path: string, status: unknown): Promise<void> {
    await cluster.call('PATCH', `${path}/status`, { status });
  }

  async function lookForEver(): Promise<void> {
    while (!stopping.signal.aborted) {
      const { items } = (await cluster.call('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1')) as {
        items: Pod[];
      };
      await Promise.all(items.map(look));
      for (const [uid, { pod }] of known)
        if (!items.some(({ metadata }) => metadata.uid === uid)) known.delete(pod.metadata.uid);
      await pause(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => null);
    }
  }

  async function look(pod: Pod): Promise<void> {
    const { uid } = pod.metadata;
    const running = known.get(uid) ?? begin(pod);
    known.set(uid, running);
    if (pod.metadata.deletionTimestamp !== undefined) {
      running.ready = false;
      await Promise.all([running.container, running.previous].map(remove));
      await cluster.call('DELETE', `${pathOf(pod)}?gracePeriodSeconds=0`);
      known.delete(uid);
      return;
    }
    if (running.container !== null) await watch(running, running.container);
    else if (performance.now() >= running.notBefore) await run(running);
    await tell(running);
  }

  async function run(running: Running): Promise<void> {
    const { pod } = running;
    const [wanted] = pod.spec.containers;
    if (wanted === undefined) throw new Error(`${pod.metadata.name} has no container`);
    const [port] = wanted.ports;
    const exposed = `${port?.containerPort ?? 0}/tcp`;
    try {
      await pull(pod, wanted.image);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      running.waiting = {
        reason: running.waiting?.reason === 'ErrImagePull' ? 'ImagePullBackOff' : 'ErrImagePull',
        message,
      };
      running.notBefore = performance.now() + BACK_OFF_MS;
      return;
    }
    const container = await docker.createContainer({
      Image: wanted.image,
      Env: (wanted.env ?? []).map(({ name, value }) => `${name}=${value}`),
      ExposedPorts: { [exposed]: {} },
      HostConfig: { PortBindings: { [exposed]: [{ HostPort: '' }] } },
    });
    await container.start();
    if (running.previous !== null) running.restarts += 1;
    running.container = container.id;
    running.waiting = null;
    await watch(running, container.id);
  }

  async function pull(pod: Pod, image: string): Promise<void> {
    const secret = pod.spec.imagePullSecrets?.[0]?.name;
    const authconfig = secret === undefined ? {} : await loginOf(pod, secret, image);
    const stream = await docker.createImage(authconfig, { fromImage: image });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  async function loginOf(pod: Pod, name: string, image: string): Promise<Record<string, string>> {
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/secrets/${name}`;
    const secret = (await cluster.call('GET', path)) as { data: Record<string, string> } | null;
    const text = Buffer.from(secret?.data['.dockerconfigjson'] ?? 'e30=', 'base64').toString();
    const { auths = {} } = JSON.parse(text) as { auths?: Record<string, { auth: string }> };
    const server = image.split('/')[0] ?? '';
    const auth = Buffer.from(auths[server]?.auth ?? '', 'base64').toString();
    const [username = '', password = ''] = auth.split(':');
    return { username, password, serveraddress: server };
  }

  async function watch(running: Running, id: string): Promise<void> {
    const { State, NetworkSettings } = await docker.getContainer(id).inspect();
    if (State.Running) {
      const [bound] = Object.values(NetworkSettings.Ports).flatMap((each) => each ?? []);
      running.port = Number(bound?.HostPort ?? 0);
      running.ready = await isReady(running);
      return;
    }
    await remove(running.previous);
    const { ExitCode: exitCode, StartedAt: startedAt, FinishedAt: finishedAt } = State;
    running.lastState = { terminated: { exitCode, reason: 'Error', startedAt, finishedAt } };
    Object.assign(running, { previous: id, container: null, port: null, ready: false });
    running.waiting = { reason: 'CrashLoopBackOff', message: 'back-off restarting failed container' };
    running.notBefore = performance.now() + BACK_OFF_MS;
  }

  async function isReady({ pod, port }: Running): Promise<boolean> {
    const path = pod.spec.containers[0]?.readinessProbe.httpGet.path ?? '/';
    return await fetch(`http://${host.address}:${port}${path}`, { signal: AbortSignal.timeout(1_000) }).then(
      (answer) => answer.ok,
      () => false,
    );
  }

  async function remove(id: string | null): Promise<void> {
    if (id !== null) await docker.getContainer(id).remove({ force: true });
  }

  async function tell(running: Running): Promise<void> {
    const { pod, ready, restarts, lastState, waiting, container } = running;
    const [only] = pod.spec.containers;
    const status = {
      phase: container === null && restarts === 0 && running.previous === null ? 'Pending' : 'Running',
      podIP: host.address,
      conditions: [condition('Ready', ready), condition('ContainersReady', ready)],
      containerStatuses: [
        {
          ...{ name: only?.name, image: only?.image, imageID: only?.image },
          ...{ ready, restartCount: restarts, lastState },
          state: waiting === null ? { running: {} } : { waiting },
        },
      ],
    };
    const told = JSON.stringify(status);
    if (told === running.told) return;
    await tellStatus(pathOf(pod), status);
    running.told = told;
  }

  async function readLog({ pathname, searchParams: asked }: URL): Promise<string> {
    const [, , namespace, name] = pathname.split('/');
    const running = [...known.values()].find(
      ({ pod: { metadata } }) => metadata.name === name && metadata.namespace === namespace,
    );
    const isPrevious = asked.get('previous') === 'true';
    const id = isPrevious ? running?.previous : (running?.container ?? running?.previous);
    if (id == null)
      throw new Error(`${isPrevious ? 'previous terminated ' : ''}container of ${name} not found`);
    const seconds = asked.get('sinceSeconds');
    const since =
      seconds === null
        ? Date.parse(asked.get('sinceTime') ?? '1970-01-01T00:00:00Z') / 1_000
        : Date.now() / 1_000 - Number(seconds);
    const raw = await docker.getContainer(id).logs({
      ...{ stdout: true, stderr: true, follow: false, since },
      timestamps: asked.get('timestamps') === 'true',
      ...(asked.has('tailLines') ? { tail: Number(asked.get('tailLines')) } : {}),
    });
    return demultiplex(raw).text;
  }

  return {
    expose: async (app) => {
      let turn = 0;
      const service = net.createServer((user) => {
        const ready = [...known.values()].filter(
          (each) => each.ready && each.port !== null && each.pod.metadata.labels?.['app'] === app,
        );
        const chosen = ready[(turn += 1) % Math.max(1, ready.length)];
        if (chosen?.port == null) {
          user.destroy();
          return;
        }
        const pod = net.connect(chosen.port, host.address);
        for (const [one, other] of [
          [user, pod],
          [pod, user],
        ] as const)
          one.on('error', () => other.destroy()).pipe(other);
      });
      services.push(service);
      service.listen(0, host.gateway);
      await once(service, 'listening');
      return `${host.gateway}:${portOf(service)}`;
    },
    stop: async () => {
      stopping.abort();
      await looking.catch(() => null);
      logServer.closeAllConnections();
      for (const server of [logServer, ...services]) server.close();
    },
  };
}

function begin(pod: Pod): Running {
  return {
    ...{ pod, container: null, previous: null, restarts: 0, lastState: {}, port: null },
    ...{ waiting: { reason: 'ContainerCreating' }, ready: false, notBefore: 0, told: '' },
  };
}

function condition(type: string, isTrue: boolean): Record<string, string> {
  return { type, status: isTrue ? 'True' : 'False' };
}

function pathOf({ metadata: { namespace, name } }: Pod): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}`;
}
