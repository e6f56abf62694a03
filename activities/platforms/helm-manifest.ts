/** What a chart makes: its workloads and their images, out of the manifest that helm rendered. Pure. */
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { sameImage } from './image-reference.js';
import type { WorkloadKind, WorkloadName } from './kubernetes-workload.js';

export interface ManifestWorkload {
  name: WorkloadName;
  containers: { name: string; image: string }[];
}

export interface Manifest {
  workloads: ManifestWorkload[];
  /** Namespaces that its objects name. */
  namespaces: string[];
}

const objectSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
const workloadSchema = objectSchema.extend({
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({
        containers: z.array(z.looseObject({ name: z.string(), image: z.string().default('') })),
      }),
    }),
  }),
});

const KINDS: Record<string, WorkloadKind> = {
  Deployment: 'deployment',
  StatefulSet: 'statefulset',
  DaemonSet: 'daemonset',
};

/** `namespace` is where objects go that name none. Throws for a text that is no YAML. */
export function readManifest(text: string, namespace: string): Manifest {
  const workloads: ManifestWorkload[] = [];
  const namespaces = new Set<string>();
  for (const document of parseAllDocuments(text)) {
    if (document.errors.length > 0) throw new Error(document.errors[0]?.message);
    const content: unknown = document.toJS();
    const object = objectSchema.safeParse(content);
    if (!object.success) continue;
    const { kind, metadata } = object.data;
    if (metadata.namespace !== undefined) namespaces.add(metadata.namespace);
    const known = KINDS[kind];
    const workload = workloadSchema.safeParse(content);
    if (known === undefined || !workload.success) continue;
    workloads.push({
      name: { kind: known, name: metadata.name, namespace: metadata.namespace ?? namespace },
      containers: workload.data.spec.template.spec.containers,
    });
  }
  return { workloads, namespaces: [...namespaces] };
}

/** Those of the release's images that no container runs by digest. */
export function missingImages({ workloads }: Manifest, images: string[]): string[] {
  const present = workloads.flatMap(({ containers }) => containers.map(({ image }) => image));
  return images.filter((image) => !present.some((each) => sameImage(each, image)));
}
