/**
 * What pods that kwok plays have written: it serves files as a kubelet does, by the kubelet's own code. A file has lines as
 * container runtimes write them.
 */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './until.js';

const GROUP = 'kwok.x-k8s.io';

/** The part of kwok's own definition that its objects here need. */
export const LOGS_DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `logs.${GROUP}` },
  spec: {
    group: GROUP,
    names: { kind: 'Logs', listKind: 'LogsList', plural: 'logs', singular: 'logs' },
    scope: 'Namespaced',
    versions: [
      {
        ...{ name: 'v1alpha1', served: true, storage: true },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        },
      },
    ],
  },
};

export interface PodLogs {
  /** A log for this pod, empty; lines go into it as its only container would write them. */
  open(pod: string): Promise<PodLog>;
  remove(): Promise<void>;
}

export interface PodLog {
  write(line: string, at?: Date): Promise<void>;
  /** The container is another from now on; what it wrote can still be read as the run before. */
  restart(): Promise<void>;
  /** As when a log has grown too large: it begins anew, empty. */
  rotate(): Promise<void>;
  /** What it wrote is gone from the node's disk. */
  lose(): Promise<void>;
}

interface Cluster {
  call(method: string, path: string, body?: unknown): Promise<unknown>;
}

export async function createPodLogs(cluster: Cluster, namespace: string): Promise<PodLogs> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-pod-logs-'));
  let written = 0;
  return {
    open: async (pod) => {
      const file = path.join(folder, `${pod}.log`);
      const previous = path.join(folder, `${pod}.previous.log`);
      await writeFile(file, '');
      const all = `/apis/${GROUP}/v1alpha1/namespaces/${namespace}/logs`;
      const declare = () =>
        cluster.call('POST', all, {
          apiVersion: `${GROUP}/v1alpha1`,
          kind: 'Logs',
          metadata: { name: pod },
          spec: { logs: [{ logsFile: file, previousLogsFile: previous }] },
        });
      await declare();
      await until(`the log of ${pod} to be served`, () =>
        cluster.call('GET', `/api/v1/namespaces/${namespace}/pods/${pod}/log`).then(
          () => true,
          async () => {
            // kwok, asked at the moment it hears of a change, goes on with what was before it until the next change
            await cluster.call('DELETE', `${all}/${pod}`);
            await declare();
            return false;
          },
        ),
      );
      return {
        write: async (line, at = new Date()) => {
          // two lines never have one time
          written = (written + 1) % 1_000_000;
          const nanoseconds = String(written).padStart(6, '0');
          await appendFile(file, `${at.toISOString().replace('Z', `${nanoseconds}Z`)} stdout F ${line}\n`);
        },
        restart: async () => {
          await writeFile(previous, await readFile(file));
          await writeFile(file, '');
        },
        rotate: () => writeFile(file, ''),
        lose: () => rm(file),
      };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
