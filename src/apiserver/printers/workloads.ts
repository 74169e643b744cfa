// Controllers of pods. Source: printers.go printDeployment, printReplicaSet, printJob, …
import { controllerOf } from '#api/owner-references.ts';
import type {
  ControllerRevision,
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  PodTemplate,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from '#api/types.ts';
import { humanDuration } from '#apimachinery/duration.ts';
import { SelectorError } from '#apimachinery/label-requirement.ts';
import { formatLabelSelector, selectorFromObject, type LabelSelectorObject } from '#apimachinery/labels.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import { parseTime } from '#apimachinery/time.ts';
import { age } from '../negotiation/table.ts';
import { containerColumns, isTrue, labelsCell, NONE } from './cells.ts';
import { boolean, created, integer, name, printer, text, wide, type FilledColumn } from './columns.ts';
import type { TablePrinter } from './contract.ts';

const templateOf = <T extends { readonly spec: { readonly template?: PodTemplate['template'] } }>({
  spec,
}: T): PodTemplate['template'] | undefined => spec.template;

const selector = <T extends { readonly spec: { readonly selector?: LabelSelectorObject } }>(): FilledColumn<T> =>
  wide(text('Selector', 'Labels of the pods it looks after.', ({ spec }) => formatLabelSelector(spec.selector)));

export const deployments: TablePrinter<Deployment> = printer<Deployment>([
  name,
  text('Ready', 'Pods that are ready, of those wanted.', ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas}`),
  text('Up-to-date', 'Pods made from the present template.', ({ status }) => status.updatedReplicas ?? 0),
  text('Available', 'Pods that have been ready for long enough.', ({ status }) => status.availableReplicas ?? 0),
  created,
  ...containerColumns<Deployment>(templateOf),
  wide(text('Selector', 'Labels of the pods it looks after.', ({ spec }) => selectorText(spec.selector))),
]);

/** Source: printDeployment: empty for everything, where other kinds write `<none>`. */
function selectorText(object: LabelSelectorObject | undefined): string {
  try {
    return selectorFromObject(object).toString();
  } catch (error) {
    if (error instanceof SelectorError) return '<invalid>';
    throw error;
  }
}

export const replicaSets: TablePrinter<ReplicaSet> = printer<ReplicaSet>([
  name,
  integer('Desired', 'Pods wanted.', ({ spec }) => spec.replicas),
  integer('Current', 'Pods there are.', ({ status }) => status.replicas),
  integer('Ready', 'Pods that are ready.', ({ status }) => status.readyReplicas ?? 0),
  created,
  ...containerColumns<ReplicaSet>(templateOf),
  selector<ReplicaSet>(),
]);

export const replicationControllers: TablePrinter<ReplicationController> = printer<ReplicationController>([
  name,
  integer('Desired', 'Pods wanted.', ({ spec }) => spec.replicas),
  integer('Current', 'Pods there are.', ({ status }) => status.replicas),
  integer('Ready', 'Pods that are ready.', ({ status }) => status.readyReplicas ?? 0),
  created,
  ...containerColumns<ReplicationController>(templateOf),
  wide(text('Selector', 'Labels of the pods it looks after.', ({ spec }) => labelsCell(spec.selector))),
]);

export const statefulSets: TablePrinter<StatefulSet> = printer<StatefulSet>([
  name,
  text('Ready', 'Pods that are ready, of those wanted.', ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas}`),
  created,
  ...containerColumns<StatefulSet>(templateOf),
]);

export const daemonSets: TablePrinter<DaemonSet> = printer<DaemonSet>([
  name,
  integer('Desired', 'Nodes that should run the pod.', ({ status }) => status.desiredNumberScheduled),
  integer('Current', 'Nodes that should run the pod and do.', ({ status }) => status.currentNumberScheduled),
  integer('Ready', 'Nodes whose pod is ready.', ({ status }) => status.numberReady),
  integer('Up-to-date', 'Nodes whose pod is made from the present template.', ({ status }) => status.updatedNumberScheduled ?? 0),
  integer('Available', 'Nodes whose pod has been ready for long enough.', ({ status }) => status.numberAvailable ?? 0),
  text('Node Selector', 'Labels of the nodes it runs on.', ({ spec }) => labelsCell(spec.template.spec?.nodeSelector)),
  created,
  ...containerColumns<DaemonSet>(templateOf),
  selector<DaemonSet>(),
]);

export const jobs: TablePrinter<Job> = printer<Job>([
  name,
  text('Status', 'Where the job stands.', jobStatus),
  text('Completions', 'Pods that succeeded, of those needed.', completions),
  text('Duration', 'Time the job took, or has taken so far.', ({ status }, now) => {
    if (status.startTime === undefined) return '';
    const end = status.completionTime === undefined ? now : parseTime(status.completionTime);
    return humanDuration(end - parseTime(status.startTime));
  }),
  created,
  ...containerColumns<Job>(templateOf),
  selector<Job>(),
]);

function jobStatus({ metadata, status }: Job): string {
  const has = (type: string): boolean => status.conditions?.find((one) => one.type === type)?.status === 'True';
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  return has('FailureTarget') ? 'FailureTarget' : 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

export const cronJobs: TablePrinter<CronJob> = printer<CronJob>([
  name,
  text('Schedule', 'When it runs, in cron syntax.', ({ spec }) => spec.schedule),
  text('Timezone', 'Time zone of the schedule.', ({ spec }) => spec.timeZone ?? NONE),
  boolean('Suspend', 'Whether no more jobs are started.', ({ spec }) => isTrue(spec.suspend)),
  integer('Active', 'Jobs that are running.', ({ status }) => status.active?.length ?? 0),
  text('Last Schedule', 'Time since a job was last started.', ({ status }, now) =>
    status.lastScheduleTime === undefined ? NONE : age(status.lastScheduleTime, now),
  ),
  created,
  ...containerColumns<CronJob>(({ spec }) => spec.jobTemplate.spec?.template),
  wide(text('Selector', 'Labels of the pods of its jobs.', ({ spec }) => formatLabelSelector(spec.jobTemplate.spec?.selector))),
]);

export const podTemplates: TablePrinter<PodTemplate> = printer<PodTemplate>([
  name,
  ...containerColumns<PodTemplate>(({ template }) => template).map((column) => ({ ...column, priority: 0 })),
  text('Pod Labels', 'Labels of pods made from it.', ({ template }) => labelsCell(template.metadata?.labels)),
]);

export const controllerRevisions: TablePrinter<ControllerRevision> = printer<ControllerRevision>([
  name,
  text('Controller', 'What the revision belongs to.', (revision) => {
    const owner = controllerOf(revision);
    if (owner === undefined) return NONE;
    const { group } = parseApiVersion(owner.apiVersion);
    return `${owner.kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${owner.name}`;
  }),
  text('Revision', 'Number of the revision, growing.', ({ revision }) => revision),
  created,
]);
