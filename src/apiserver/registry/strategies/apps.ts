// Workloads: apps and batch, and the older ReplicationController. Source: pkg/registry/apps, pkg/registry/batch.
import type {
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  KubeObject,
  ObjectMeta,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { formatLabelSelector, selectorFromSet } from '#apimachinery/labels.ts';
import { counted, risen } from '../generic-strategy.ts';
import { withMetadata } from '../metadata.ts';
import type { ScaleHooks, Strategy } from '../strategy.ts';

type Scalable = KubeObject & {
  readonly spec: { readonly replicas: number; readonly selector: Parameters<typeof formatLabelSelector>[0] };
  readonly status: { readonly replicas?: number };
};

const scale: ScaleHooks<Scalable> = {
  specReplicas: ({ spec }) => spec.replicas,
  statusReplicas: ({ status }) => status.replicas ?? 0,
  selector: ({ spec }) => formatLabelSelector(spec.selector),
  withReplicas: (object, replicas) => ({ ...object, spec: { ...object.spec, replicas } }),
  replicasPath: ['spec', 'replicas'],
};

/** Labels are not for the status endpoint to change. */
const keptLabels = <T extends KubeObject>(object: T, old: T): T => withMetadata(object, { labels: old.metadata.labels });

export const deploymentStrategy = {
  // Annotations count too: the rollback of old clients went through them. Source: deploymentStrategy.PrepareForUpdate.
  prepareForCreate: (deployment) => withMetadata(deployment, { generation: 1 }),
  prepareForUpdate: (deployment, old) =>
    deepEqual(deployment.metadata.annotations, old.metadata.annotations) ? counted(deployment, old) : risen(deployment, old),
  scale: scale as unknown as ScaleHooks<Deployment>,
  resetFields: { status: [['metadata', 'labels']] },
  subresources: { status: { prepareForUpdate: keptLabels } },
} satisfies Strategy<Deployment>;

export const replicaSetStrategy = {
  generation: 'desired',
  scale: scale as unknown as ScaleHooks<ReplicaSet>,
  selectableFields: { 'status.replicas': ({ status }) => String(status.replicas) },
} satisfies Strategy<ReplicaSet>;

export const statefulSetStrategy = {
  generation: 'desired',
  scale: scale as unknown as ScaleHooks<StatefulSet>,
} satisfies Strategy<StatefulSet>;

export const daemonSetStrategy = {
  generation: 'desired',
  read: (daemonSet) => withTemplateGeneration(daemonSet, templateGeneration(daemonSet)),
  prepareForCreate: (daemonSet) => withTemplateGeneration(daemonSet, 1),
  prepareForUpdate: (daemonSet, old) => {
    const before = templateGeneration(old);
    return withTemplateGeneration(daemonSet, deepEqual(daemonSet.spec.template, old.spec.template) ? before : before + 1);
  },
  subresources: { status: { prepareForUpdate: (daemonSet, old) => withTemplateGeneration(daemonSet, templateGeneration(old)) } },
} satisfies Strategy<DaemonSet>;

/** How often the template changed: once a field, in v1 an annotation, 0 where it is missing. Source: DeprecatedTemplateGeneration. */
const templateGeneration = ({ metadata: { annotations } }: DaemonSet): number =>
  Number(annotations?.[ANNOTATION.daemonSetGeneration] ?? 0) || 0;

const withTemplateGeneration = (daemonSet: DaemonSet, count: number): DaemonSet =>
  withMetadata(daemonSet, { annotations: { ...daemonSet.metadata.annotations, [ANNOTATION.daemonSetGeneration]: String(count) } });

export const replicationControllerStrategy = {
  generation: 'desired',
  garbageCollection: 'orphan',
  scale: {
    specReplicas: ({ spec }) => spec.replicas,
    statusReplicas: ({ status }) => status.replicas ?? 0,
    selector: ({ spec }) => selectorFromSet(spec.selector ?? {}).toString(),
    withReplicas: (object, replicas) => ({ ...object, spec: { ...object.spec, replicas } }),
    replicasPath: ['spec', 'replicas'],
  },
  selectableFields: { 'status.replicas': ({ status }) => String(status.replicas) },
} satisfies Strategy<ReplicationController>;

/** Labels by which a Job knows its pods; the shorter ones are for older readers. Source: batch.ControllerUidLabel, …. */
const JOB_LABELS = {
  uid: ['batch.kubernetes.io/controller-uid', 'controller-uid'],
  name: ['batch.kubernetes.io/job-name', 'job-name'],
} as const;

export const jobStrategy = {
  generation: 'desired',
  garbageCollection: 'orphan',
  prepareForCreate: (job) => (job.spec.manualSelector === true ? job : selected(job)),
  selectableFields: { 'status.successful': ({ status }) => String(status.succeeded ?? 0) },
  unknownFieldLabel: (label) => `field label ${goQuote(label)} not supported for Job`,
} satisfies Strategy<Job>;

/** A selector that matches this Job's pods alone. Source: generateSelector. */
function selected(job: Job): Job {
  const { uid } = job.metadata;
  const { name = '' } = job.metadata as Partial<ObjectMeta>; // only validation, which comes later, asks for a name
  const { labels: own = {} } = job.spec.template.metadata ?? {};
  const labels: Record<string, string> = { ...own };
  for (const key of JOB_LABELS.uid) labels[key] ??= uid;
  for (const key of JOB_LABELS.name) labels[key] ??= name;
  const { selector } = job.spec;
  const matchLabels = { ...selector?.matchLabels, [JOB_LABELS.uid[0]]: selector?.matchLabels?.[JOB_LABELS.uid[0]] ?? uid };
  return {
    ...job,
    spec: {
      ...job.spec,
      selector: { ...selector, matchLabels },
      template: { ...job.spec.template, metadata: { ...job.spec.template.metadata, labels } },
    },
  };
}

export const cronJobStrategy = { generation: 'desired' } satisfies Strategy<CronJob>;
