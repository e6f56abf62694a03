/** A team's repository with a chart, and a person's own helm beside it. */
import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { KubernetesWorld, PodRelease } from './kubernetes-world.js';
import { POD_REPOSITORY } from './kwok-stages.js';
import { createRepository } from './repository.js';

const exec = promisify(execFile);

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec:
      containers:
        - name: app
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
`;

export const CHART = {
  'charts/app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
  'charts/app/values.yaml': `replicas: 2\nimage: {repository: ${POD_REPOSITORY}, tag: none}\n`,
  'charts/app/templates/deployment.yaml': DEPLOYMENT,
};

type HelmPlan = Extract<PlatformPlan, { kind: 'helm' }>;

export interface HelmScene {
  platform(release: string, change?: Partial<HelmPlan>): HelmPlan;
  /** A commit with these changes to the chart; null removes a file. */
  commit(files: Record<string, string | null>): Promise<void>;
  /** Commits a symbolic link. */
  link(file: string, to: string): Promise<void>;
  /** The world's own, for the chart's newest commit. */
  plan: KubernetesWorld['plan'];
  target: KubernetesWorld['target'];
  context: KubernetesWorld['context'];
  /** A person's helm, with the administrator's rights. */
  byHand(...argv: string[]): Promise<string>;
  /** `set` as a person would write it to run this release. */
  installByHand(release: string, version: PodRelease): Promise<void>;
  stop(): Promise<void>;
}

export async function givenHelm(world: KubernetesWorld): Promise<HelmScene> {
  const repository = await createRepository();
  let newest = await repository.commit('feat: chart', CHART);
  const kubeconfig = path.join(repository.folder, '.git', 'admin.yaml');
  await writeFile(kubeconfig, world.cluster.admin, { mode: 0o600 });
  const byHand = async (...argv: string[]): Promise<string> =>
    (await exec('helm', [...argv, '--namespace', world.namespace, '--kubeconfig', kubeconfig])).stdout;
  return {
    platform: (release, change = {}) => ({
      kind: 'helm',
      chart: 'charts/app',
      release,
      namespace: world.namespace,
      set: { 'image.tag': '{tag}', replicas: '2' },
      kubeconfig: 'env:KUBE_CONFIG',
      ...change,
    }),
    commit: async (files) => {
      newest = await repository.commit('feat: change', files);
    },
    link: async (file, to) => {
      await symlink(to, path.join(repository.folder, file));
      newest = await repository.commit('feat: link', {});
    },
    plan: (platform, change = {}) =>
      world.plan(platform, { repository: { url: repository.folder }, ...change }),
    target: (release, plan, change = {}) => {
      const target = world.target(release, plan, change);
      return { ...target, commit: { ...target.commit, sha: newest } };
    },
    context: world.context,
    byHand,
    installByHand: async (release, version) => {
      const tag = `${version}@${world.image(version).split('@')[1] ?? ''}`;
      const chart = path.join(repository.folder, 'charts/app');
      await byHand('upgrade', '--install', release, chart, '--set-string', `image.tag=${tag}`);
    },
    stop: () => repository.remove(),
  };
}
