// Permissions, certificates, priorities and disruption. Source: printers.go printRoleBinding, printFlowSchema, …
import type {
  APIService,
  CertificateSigningRequest,
  FlowSchema,
  PodDisruptionBudget,
  PriorityClass,
  PriorityLevelConfiguration,
  RoleBinding,
  StorageVersion,
  StorageVersionMigration,
} from '#api/types.ts';
import type { ClusterTrustBundle } from '#api/gen/certificates-v1beta1.ts';
import type { LeaseCandidate } from '#api/gen/coordination-v1beta1.ts';
import { humanDuration } from '#apimachinery/duration.ts';
import { listCell, NONE, UNSET } from './cells.ts';
import { boolean, created, integer, name, printer, text, wide } from './columns.ts';
import type { TableCell, TablePrinter } from './contract.ts';

type Subjects = RoleBinding['subjects'];

/** Source: rbac.SubjectsStrings. */
function subjects(all: Subjects, kind: string): string {
  return (all ?? [])
    .filter((subject) => subject.kind === kind)
    .map((subject) =>
      kind === 'ServiceAccount' && (subject.namespace ?? '') !== '' ? `${subject.namespace}/${subject.name}` : subject.name,
    )
    .join(', ');
}

/** Of both kinds of binding. */
export const roleBindings: TablePrinter<RoleBinding> = printer<RoleBinding>([
  name,
  text('Role', 'Role whose permissions are given.', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  created,
  wide(text('Users', 'Users who get them.', (binding) => subjects(binding.subjects, 'User'))),
  wide(text('Groups', 'Groups whose members get them.', (binding) => subjects(binding.subjects, 'Group'))),
  wide(text('ServiceAccounts', 'Service accounts that get them.', (binding) => subjects(binding.subjects, 'ServiceAccount'))),
]);

export const certificateSigningRequests: TablePrinter<CertificateSigningRequest> = printer<CertificateSigningRequest>([
  name,
  created,
  text('SignerName', 'Signer it is meant for.', ({ spec }) => spec.signerName || NONE),
  text('Requestor', 'User who asks.', ({ spec }) => spec.username ?? ''),
  text('RequestedDuration', 'How long the certificate is to be good.', ({ spec }) =>
    spec.expirationSeconds === undefined ? NONE : humanDuration(spec.expirationSeconds * 1000),
  ),
  text('Condition', 'Whether it is approved and issued.', ({ status }) => {
    const has = (type: string): boolean => (status?.conditions ?? []).some((one) => one.type === type);
    const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
    return `${decision}${has('Failed') ? ',Failed' : ''}${(status?.certificate ?? '') === '' ? '' : ',Issued'}`;
  }),
]);

export const clusterTrustBundles: TablePrinter<ClusterTrustBundle> = printer<ClusterTrustBundle>([
  name,
  text('SignerName', 'Signer whose certificates it is to check.', ({ spec }) => spec.signerName || NONE),
]);

export const leaseCandidates: TablePrinter<LeaseCandidate> = printer<LeaseCandidate>([
  name,
  text('LeaseName', 'Lease it stands for.', ({ spec }) => spec?.leaseName ?? ''),
  text('BinaryVersion', 'Version of the program.', ({ spec }) => spec?.binaryVersion ?? ''),
  text('EmulationVersion', 'Version it behaves as.', ({ spec }) => spec?.emulationVersion ?? ''),
  created,
]);

export const podDisruptionBudgets: TablePrinter<PodDisruptionBudget> = printer<PodDisruptionBudget>([
  name,
  text('Min Available', 'Pods that must stay up.', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
  text('Max Unavailable', 'Pods that may be down.', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
  integer('Allowed Disruptions', 'Pods that may be evicted now.', ({ status }) => status?.disruptionsAllowed ?? 0),
  created,
]);

export const priorityClasses: TablePrinter<PriorityClass> = printer<PriorityClass>([
  name,
  integer('Value', 'Priority of its pods.', ({ value }) => value),
  boolean('Global-Default', 'Whether pods without a class get it.', ({ globalDefault }) => globalDefault ?? false),
  created,
  text('PreemptionPolicy', 'Whether its pods displace others.', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
]);

/** The order in which they are asked. Source: printFlowSchemaList, FlowSchemaSequence. */
function byPrecedence(a: FlowSchema, b: FlowSchema): number {
  const before = (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0);
  return before === 0 ? Number(a.metadata.name > b.metadata.name) - Number(a.metadata.name < b.metadata.name) : before;
}

const flowSchemaColumns: TablePrinter<FlowSchema> = printer<FlowSchema>([
  name,
  text('PriorityLevel', 'Priority level of its requests.', ({ spec }) => spec?.priorityLevelConfiguration.name ?? ''),
  text('MatchingPrecedence', 'The lowest that matches is taken.', ({ spec }) => spec?.matchingPrecedence ?? 0),
  text('DistinguisherMethod', 'How its requests are parted into flows.', ({ spec }) => spec?.distinguisherMethod?.type ?? NONE),
  created,
  text(
    'MissingPL',
    'Whether its priority level does not exist.',
    ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
  ),
]);

export const flowSchemas: TablePrinter<FlowSchema> = { ...flowSchemaColumns, order: byPrecedence };

type Limited = NonNullable<NonNullable<PriorityLevelConfiguration['spec']>['limited']>;

const limited =
  (read: (limits: Limited) => TableCell | undefined) =>
  ({ spec }: PriorityLevelConfiguration): TableCell => {
    const limits = spec?.limited;
    return limits === undefined ? NONE : (read(limits) ?? NONE);
  };

export const priorityLevels: TablePrinter<PriorityLevelConfiguration> = printer<PriorityLevelConfiguration>([
  name,
  text('Type', 'Limited or Exempt.', ({ spec }) => spec?.type ?? ''),
  text(
    'NominalConcurrencyShares',
    'Its share of what the server can do at once.',
    limited(({ nominalConcurrencyShares }) => nominalConcurrencyShares),
  ),
  text(
    'Queues',
    'Number of queues.',
    limited(({ limitResponse }) => limitResponse?.queuing?.queues),
  ),
  text(
    'HandSize',
    'Queues a flow may use.',
    limited(({ limitResponse }) => limitResponse?.queuing?.handSize),
  ),
  text(
    'QueueLengthLimit',
    'Requests a queue holds.',
    limited(({ limitResponse }) => limitResponse?.queuing?.queueLengthLimit),
  ),
  created,
]);

export const storageVersions: TablePrinter<StorageVersion> = printer<StorageVersion>([
  name,
  text('CommonEncodingVersion', 'Version all servers write.', ({ status }) => status.commonEncodingVersion ?? UNSET),
  text('StorageVersions', 'Version each server writes.', ({ status }) =>
    listCell(
      (status.storageVersions ?? []).map(({ apiServerID, encodingVersion }) => `${apiServerID ?? ''}=${encodingVersion ?? ''}`),
      UNSET,
    ),
  ),
  created,
]);

export const storageVersionMigrations: TablePrinter<StorageVersionMigration> = printer<StorageVersionMigration>([
  { ...name, format: '' },
  text('Resource', 'Resource to migrate.', ({ spec }) => {
    if (spec?.resource === undefined) return '';
    const { resource, group } = spec.resource;
    return group === '' ? resource : `${resource}.${group}`;
  }),
]);

/** Source: kube-aggregator pkg/registry/apiservice REST.ConvertToTable. */
export const apiServices: TablePrinter<APIService> = printer<APIService>([
  name,
  text('Service', 'Where the group version is served.', ({ spec }) =>
    spec?.service === undefined || spec.service === null ? 'Local' : `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}`,
  ),
  text('Available', 'Whether it can be reached.', ({ status }) => {
    const condition = status?.conditions?.find(({ type }) => type === 'Available');
    if (condition === undefined) return 'Unknown';
    return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`;
  }),
  created,
]);
