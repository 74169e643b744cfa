// pure
// A pod of a Job, with its place among the completions. Source: manageJob, indexed_job_utils.go.
import type { Container, Job, New, Pod, PodTemplateSpec } from '#api/types.ts';
import { ANNOTATION, FINALIZER } from '#api/well-known.ts';
import { podFromTemplate } from '../runtime/pod-from-template.ts';
import { failureCounts } from './policies.ts';
import { countedFailures, ignoredFailures } from './pods.ts';

export const JOB_KIND = { group: 'batch', version: 'v1', kind: 'Job' } as const;

/** Source: completionIndexEnvName. */
const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';
/** Of a generated name, the part before the random one. Source: names.MaxGeneratedNameLength. */
const MAX_PREFIX_LENGTH = 58;

/** `index` for indexed Jobs; `replaced` is the failed pod on that index whose failures the new one inherits. */
export function newPod(job: Job, index?: number, replaced?: Pod): New<Pod> {
  const { template } = job.spec;
  if (index === undefined) return podFromTemplate(withTemplate(job, { ...template, metadata: tracked(template) }), JOB_KIND);
  const metadata = {
    ...tracked(template),
    labels: { ...template.metadata.labels, [ANNOTATION.jobCompletionIndex]: String(index) },
    annotations: { ...template.metadata.annotations, ...indexAnnotations(job, index, replaced) },
  };
  const { containers, initContainers } = template.spec;
  const spec = {
    ...template.spec,
    hostname: `${job.metadata.name}-${index}`,
    containers: containers.map(withIndexVariable),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(withIndexVariable) }),
  };
  const pod = podFromTemplate(withTemplate(job, { metadata, spec }), JOB_KIND);
  const ending = `-${index}-`;
  const prefix = `${job.metadata.name}${ending}`;
  const generateName =
    prefix.length > MAX_PREFIX_LENGTH ? `${job.metadata.name.slice(0, MAX_PREFIX_LENGTH - ending.length)}${ending}` : prefix;
  return { ...pod, metadata: { ...pod.metadata, generateName } };
}

function withTemplate({ metadata }: Job, template: PodTemplateSpec): Parameters<typeof podFromTemplate>[0] {
  return { metadata, spec: { template } };
}

function tracked({ metadata }: PodTemplateSpec): PodTemplateSpec['metadata'] {
  const finalizers = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER.jobTracking);
  return { ...metadata, finalizers: [...finalizers, FINALIZER.jobTracking] };
}

function indexAnnotations(job: Job, index: number, replaced: Pod | undefined): Readonly<Record<string, string>> {
  const place = { [ANNOTATION.jobCompletionIndex]: String(index) };
  if (job.spec.backoffLimitPerIndex === undefined) return place;
  const counts = replaced !== undefined && failureCounts(job, replaced);
  const counted = replaced === undefined ? 0 : countedFailures(replaced) + (counts ? 1 : 0);
  const ignored = replaced === undefined ? 0 : ignoredFailures(replaced) + (counts ? 0 : 1);
  return {
    ...place,
    [ANNOTATION.jobIndexFailureCount]: String(counted),
    ...(ignored > 0 ? { [ANNOTATION.jobIndexIgnoredFailureCount]: String(ignored) } : {}),
  };
}

function withIndexVariable(container: Container): Container {
  if (container.env?.some(({ name }) => name === INDEX_VARIABLE) === true) return container;
  const fieldPath = `metadata.labels['${ANNOTATION.jobCompletionIndex}']`;
  return { ...container, env: [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath } } } as EnvVar] };
}

type EnvVar = NonNullable<Container['env']>[number];
