// What makes pods. Source: registry strategies WarningsOnCreate, WarningsOnUpdate; pkg/api/job warnings.go.
import type { DaemonSet, StatefulSet } from '../../gen/apps-v1.ts';
import type { CronJob, Job, JobSpec } from '../../gen/batch-v1.ts';
import type { Pod, PodTemplate } from '../../gen/core-v1.ts';
import type { ObjectMeta } from '../../gen/meta-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { dns1123Label } from '#apimachinery/names.ts';
import type { Warnings } from './collector.ts';
import { warnOfClaimSpec, warnOfPod, type PodLike } from './pods.ts';

interface Workload {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly template?: PodLike };
}

const TEMPLATE = Path.of('spec').child('template');

function warnOfName(out: Warnings, { name = '' }: Partial<ObjectMeta>, use: string): void {
  const reasons = dns1123Label(name);
  if (reasons.length === 0) return;
  out.say(
    `metadata.name: this is used in ${use}, which can result in surprising behavior; a DNS label is recommended: [${reasons.join(' ')}]`,
  );
}

const IN_POD_NAMES = 'Pod names and hostnames';

const sameGeneration = (object: Workload, old: Workload | undefined): boolean =>
  old !== undefined && object.metadata.generation === old.metadata.generation;

export function podWarnings(out: Warnings, pod: Pod, old?: Pod): void {
  if (old !== undefined) return;
  warnOfName(out, pod.metadata, "the Pod's hostname");
  warnOfPod(out, pod);
}

export function podStatusWarnings(out: Warnings, { status }: Pod): void {
  status?.podIPs?.forEach(({ ip }, i) => out.ip(Path.of('status').child('podIPs').index(i).child('ip'), ip));
  status?.hostIPs?.forEach(({ ip }, i) => out.ip(Path.of('status').child('hostIPs').index(i).child('ip'), ip));
}

/** Of the template that was, when that changes: upstream gives the two the other way around. Source: rcStrategy.WarningsOnUpdate. */
export function replicationControllerWarnings(out: Warnings, controller: Workload, old?: Workload): void {
  replicatedWarnings(out, old === undefined ? controller : { ...controller, spec: old.spec ?? {} }, old);
}

/** ReplicaSets and Deployments. */
export function replicatedWarnings(out: Warnings, object: Workload, old?: Workload): void {
  if (old === undefined) warnOfName(out, object.metadata, IN_POD_NAMES);
  if (!sameGeneration(object, old)) warnOfPod(out, object.spec?.template ?? {}, TEMPLATE);
}

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

export function daemonSetWarnings(out: Warnings, set: DaemonSet, old?: DaemonSet): void {
  const generation = set.metadata.annotations?.[TEMPLATE_GENERATION];
  if (old === undefined || generation !== old.metadata.annotations?.[TEMPLATE_GENERATION]) warnOfPod(out, set.spec.template, TEMPLATE);
}

export function statefulSetWarnings(out: Warnings, set: StatefulSet, old?: StatefulSet): void {
  if (!sameGeneration(set, old)) warnOfPod(out, set.spec.template, TEMPLATE);
  set.spec.volumeClaimTemplates?.forEach(({ spec }, i) => {
    const at = Path.of('spec').child('volumeClaimTemplates').index(i);
    warnOfClaimSpec(out, old === undefined ? at : at.child('Spec'), spec);
  });
  if (set.spec.revisionHistoryLimit !== undefined && set.spec.revisionHistoryLimit < 0)
    out.say('spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended');
}

export function podTemplateWarnings(out: Warnings, template: PodTemplate, old?: PodTemplate): void {
  if (!sameGeneration(template, old)) warnOfPod(out, template.template ?? {}, Path.of('template'));
}

const MANY_COMPLETIONS = 100_000;
const MUCH_PARALLELISM = 10_000;

function warnOfJobSpec(out: Warnings, at: Path, spec: JobSpec): void {
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > MANY_COMPLETIONS && spec.parallelism > MUCH_PARALLELISM) {
    out.at(
      at,
      'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
    );
  }
  warnOfPod(out, spec.template, at.child('template'));
}

export function jobWarnings(out: Warnings, job: Job, old?: Job): void {
  if (old === undefined) warnOfName(out, job.metadata, IN_POD_NAMES);
  if (!sameGeneration(job, old)) warnOfJobSpec(out, Path.of('spec'), job.spec);
}

export function cronJobWarnings(out: Warnings, cronJob: CronJob, old?: CronJob): void {
  if (old === undefined) warnOfName(out, cronJob.metadata, IN_POD_NAMES);
  if (!sameGeneration(cronJob as Workload, old as Workload | undefined))
    warnOfJobSpec(out, Path.of('spec').child('jobTemplate', 'spec'), cronJob.spec.jobTemplate.spec);
  if (old !== undefined && cronJob.spec.schedule.includes('TZ')) {
    out.say(
      'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    );
  }
}
