/**
 * A real Kubernetes control plane on loopback ports: etcd, API server, controllers and scheduler, with kwok in the place
 * of nodes and pods. What a pod does is chosen by its image (`podImage`): kwok reads it off the stages below.
 */
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LOGS_DEFINITION } from './kwok-logs.js';
import { stages } from './kwok-stages.js';
import { part } from './parts.js';
import { until } from './processes.js';
import { freePort } from './sshd.js';

export interface TestCluster {
  /** On the command line of all its processes. */
  readonly folder: string;
  /** `127.0.0.1:6443` */
  readonly address: string;
  /** Text of a kubeconfig that may do everything. */
  readonly admin: string;
  /** As `admin`, for another token. */
  kubeconfigFor(token: string): string;
  /** Signs service account tokens, as the API server does. */
  readonly signingKey: string;
  /** What the API server shows the world; a kubelet of a test may show the same. */
  readonly certificate: { cert: string; key: string };
  /** One call to the API as the administrator; throws for anything but 2xx, null for 404. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Ends the API server at once; `startApi` brings it back with everything it knew. */
  stopApi(): Promise<void>;
  startApi(): Promise<void>;
  stop(): Promise<void>;
}

export const ADMIN_TOKEN = 'the-administrator-of-a-test-cluster';

const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'daemonset-controller',
  'resourcequota-controller',
  'serviceaccount-controller',
  'namespace-controller',
  'garbage-collector-controller',
];

/**
 * Who plays the nodes: kwok; kwok that also serves the logs of pods (`kwok-logs.ts`), as the kubelet of its node; or nobody,
 * when the test brings its own.
 */
export type Nodes = 'kwok' | 'kwok with logs' | 'none';

export async function startKubernetes(nodes: Nodes = 'kwok'): Promise<TestCluster> {
  const apiserver = await part('kubernetes');
  const program = (name: string): string => path.join(path.dirname(apiserver), name);
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-kubernetes-'));
  const running = new Map<string, ChildProcess>();
  const start = (name: string, args: string[]): void => {
    running.set(name, startProcess(program(name), args, path.join(folder, `${name}.log`)));
  };
  const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const [etcdPort, peerPort, port, kubeletPort] = ports;
  const signing = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const file = (name: string): string => path.join(folder, name);
  await Promise.all([
    writeFile(file('sa.pub'), signing.publicKey),
    writeFile(file('sa.key'), signing.privateKey),
    writeFile(file('tokens.csv'), `${ADMIN_TOKEN},admin,admin,"system:masters"\n`),
    writeFile(file('stages.yaml'), stages()),
  ]);

  start('etcd', [
    ...['--data-dir', file('etcd'), '--unsafe-no-fsync', '--log-level', 'error'],
    ...['--listen-client-urls', `http://127.0.0.1:${etcdPort}`],
    ...['--advertise-client-urls', `http://127.0.0.1:${etcdPort}`],
    ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
    ...['--initial-advertise-peer-urls', `http://127.0.0.1:${peerPort}`],
    ...['--initial-cluster', `default=http://127.0.0.1:${peerPort}`],
  ]);
  const startApi = async (): Promise<void> => {
    start('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      ...['--bind-address=127.0.0.1', `--secure-port=${port}`, `--cert-dir=${folder}`],
      ...[`--service-account-key-file=${file('sa.pub')}`, '--service-account-issuer=https://slipway.test'],
      ...[`--service-account-signing-key-file=${file('sa.key')}`, '--service-cluster-ip-range=10.0.0.0/24'],
      ...[`--token-auth-file=${file('tokens.csv')}`, '--authorization-mode=RBAC'],
      ...[
        '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
        '--endpoint-reconciler-type=none',
      ],
      ...['--profiling=false', '--enable-priority-and-fairness=false'],
    ]);
    await until('the API server to be ready', async () => {
      const ended = running.get('kube-apiserver')?.exitCode ?? null;
      if (ended !== null) throw new Error(await readFile(file('kube-apiserver.log'), 'utf8'));
      return (await isReady(file, port)) ? true : null;
    });
  };
  await startApi();
  const authority = await readFile(file('apiserver.crt'), 'utf8');
  const address = `127.0.0.1:${port}`;
  const kubeconfigFor = (token: string): string => writeKubeconfig(address, authority, token);
  const admin = kubeconfigFor(ADMIN_TOKEN);
  await writeFile(file('admin.yaml'), admin);
  const asAdmin = `--kubeconfig=${file('admin.yaml')}`;
  start('kube-controller-manager', [
    asAdmin,
    ...['--leader-elect=false', '--secure-port=0', '--profiling=false'],
    `--controllers=${CONTROLLERS.join(',')}`,
    `--service-account-private-key-file=${file('sa.key')}`,
  ]);
  start('kube-scheduler', [asAdmin, '--leader-elect=false', '--secure-port=0', '--profiling=false']);
  const call = (method: string, at: string, body?: unknown): Promise<unknown> =>
    ask({ port, authority, token: ADMIN_TOKEN }, method, at, body);
  if (nodes !== 'none') {
    const kwok = [asAdmin, `--config=${file('stages.yaml')}`, '--manage-all-nodes=true'];
    if (nodes === 'kwok with logs') {
      await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', LOGS_DEFINITION);
      kwok.push('--enable-crds=Logs', `--server-address=127.0.0.1:${kubeletPort}`);
      kwok.push(
        `--tls-cert-file=${file('apiserver.crt')}`,
        `--tls-private-key-file=${file('apiserver.key')}`,
      );
    }
    start('kwok', kwok);
    await createNode(call, kubeletPort);
    await untilReady(call);
  }
  return {
    folder,
    address,
    admin,
    kubeconfigFor,
    signingKey: signing.privateKey,
    certificate: { cert: authority, key: await readFile(file('apiserver.key'), 'utf8') },
    call,
    stopApi: async () => {
      await end(running.get('kube-apiserver'));
    },
    startApi,
    stop: async () => {
      await Promise.all([...running.values()].map(end));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** `node-1`, whose kubelet is at that port of this machine. */
export async function createNode(call: TestCluster['call'], kubeletPort: number): Promise<void> {
  await call('POST', '/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1', labels: { 'kubernetes.io/os': 'linux' } },
    status: {
      allocatable: { cpu: '8', memory: '16Gi', pods: '500' },
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    },
  });
}

async function untilReady(call: TestCluster['call']): Promise<void> {
  await until('the node to be ready', async () => {
    const { status } = (await call('GET', '/api/v1/nodes/node-1')) as {
      status: { conditions?: { type: string; status: string }[] };
    };
    const ready = status.conditions?.some((each) => each.type === 'Ready' && each.status === 'True');
    return ready === true ? true : null;
  });
}

function startProcess(program: string, args: string[], logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  // dies with the test process, so an aborted run leaves nothing behind
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    stdio: ['ignore', log, log],
    env: { ...process.env, GOMEMLIMIT: '400MiB' },
  });
  closeSync(log);
  return child;
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

function writeKubeconfig(address: string, authority: string, token: string): string {
  // JSON is YAML
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [
      {
        name: 'test',
        cluster: {
          server: `https://${address}`,
          'certificate-authority-data': Buffer.from(authority).toString('base64'),
        },
      },
    ],
    users: [{ name: 'test', user: { token } }],
  });
}

async function isReady(file: (name: string) => string, port: number): Promise<boolean> {
  try {
    const authority = await readFile(file('apiserver.crt'), 'utf8');
    const namespace = await ask({ port, authority, token: ADMIN_TOKEN }, 'GET', '/api/v1/namespaces/default');
    return namespace !== null;
  } catch {
    return false;
  }
}

interface Access {
  port: number;
  authority: string;
  token: string;
}

function ask(
  { port, authority, token }: Access,
  method: string,
  at: string,
  body?: unknown,
): Promise<unknown> {
  const sent = body === undefined ? '' : JSON.stringify(body);
  const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        ...{ host: '127.0.0.1', port, method, path: at, ca: authority, agent: false },
        headers: { authorization: `Bearer ${token}`, 'content-type': type },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          if (status === 404) resolve(null);
          else if (status < 300) resolve(text === '' ? null : JSON.parse(text));
          else reject(new Error(`${method} ${at}: ${status} ${text}`));
        });
      },
    );
    request.once('error', reject);
    request.end(sent);
  });
}
