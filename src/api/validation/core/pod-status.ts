// Status of a pod, as the kubelet reports it. Source: ValidatePodStatusUpdate.
import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { ipErrors, isDualStack, parseIp } from '#apimachinery/ip.ts';
import { qualifiedName, userOrGroupId } from '#apimachinery/names.ts';
import { subdomainName, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { validatePodAnnotations, validatePodAnnotationUpdate } from './pod-annotations.ts';
import { validateClaimStatuses } from './pod-claim-statuses.ts';

const STATUS = Path.of('status');
const STATUSES = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;
const SYSTEM_CONDITIONS: ReadonlySet<string> = new Set(['PodScheduled', 'Ready', 'Initialized']);

export function validatePodStatusUpdate(out: Problems, pod: Pod, old: Pod): void {
  const annotations = Path.of('metadata').child('annotations');
  validateObjectMetaUpdate(out, pod.metadata, old.metadata);
  validatePodAnnotationUpdate(out, annotations, pod.metadata.annotations, old.metadata.annotations);
  validatePodAnnotations(out, annotations, pod.metadata.annotations, pod.spec);
  const status = pod.status ?? {};
  const before = old.status ?? {};
  status.conditions?.forEach((condition, i) => {
    const path = STATUS.child('conditions').index(i);
    const generation = condition.observedGeneration ?? 0;
    if (generation < 0) out.invalid(path.child('observedGeneration'), generation, 'must be a non-negative integer');
    if (!SYSTEM_CONDITIONS.has(condition.type)) out.each(path.child('Type'), condition.type, qualifiedName(condition.type));
  });
  if ((pod.spec.nodeName ?? '') !== (old.spec.nodeName ?? '')) out.forbidden(STATUS.child('nodeName'), 'may not be changed directly');
  validateNominated(out, status.nominatedNodeName ?? '', before.nominatedNodeName ?? '', old.spec.nodeName ?? '');
  const generation = status.observedGeneration ?? 0;
  if (generation < 0) out.invalid(STATUS.child('observedGeneration'), generation, 'must be a non-negative integer');
  out.immutable(STATUS.child('qosClass'), status.qosClass ?? '', (status.qosClass ?? '') === (before.qosClass ?? ''));
  for (const member of STATUSES) validateTransitions(out, member, status, before, old.spec);
  validateClaimStatuses(out, status, pod.spec);
  validateIps(out, 'podIPs', (status.podIPs ?? []).map(ipOf), (before.podIPs ?? []).map(ipOf));
  const hostIPs = (status.hostIPs ?? []).map(ipOf);
  if (hostIPs.length > 0 && hostIPs[0] !== (status.hostIP ?? '')) {
    out.invalid(STATUS.child('hostIPs').index(0).child('ip'), hostIPs[0], 'must be equal to `hostIP`');
  }
  validateIps(out, 'hostIPs', hostIPs, (before.hostIPs ?? []).map(ipOf));
  for (const member of STATUSES) validateUsers(out, STATUS.child(member), status[member] ?? [], pod.spec);
  validateAllocated(out, STATUS.child('containerStatuses'), status.containerStatuses ?? [], pod.spec.containers);
  validateAllocated(out, STATUS.child('initContainerStatuses'), status.initContainerStatuses ?? [], pod.spec.initContainers ?? []);
  status.ephemeralContainerStatuses?.forEach((container, i) => {
    if ((container.allocatedResourcesStatus ?? []).length === 0) return;
    out.forbidden(
      STATUS.child('ephemeralContainerStatuses').index(i).child('allocatedResourcesStatus'),
      'must not be specified in container status',
    );
  });
}

const ipOf = ({ ip }: { readonly ip?: string }): string => ip ?? '';

function validateNominated(out: Problems, now: string, before: string, nodeName: string): void {
  if (now === before || now === '') return;
  const path = STATUS.child('nominatedNodeName');
  out.each(path, now, subdomainName(now, false));
  if (nodeName !== '') out.forbidden(path, 'may not be set on pods that are already bound to a node');
}

/** Whether a container that exited with `exitCode` is started again. Source: ContainerShouldRestart. */
function restarts(container: Container, podPolicy: string, exitCode: number): boolean {
  const rule = container.restartPolicyRules?.find(({ exitCodes }) => {
    if (exitCodes === undefined) return false;
    return (exitCodes.values ?? []).includes(exitCode) === (exitCodes.operator === 'In');
  });
  if (container.restartPolicy !== undefined && rule !== undefined) return true;
  const policy = container.restartPolicy ?? podPolicy;
  return policy === 'OnFailure' ? exitCode !== 0 : policy !== 'Never';
}

/** A terminated container stays so, unless it is to be restarted. Source: Validate*ContainerStateTransition. */
function validateTransitions(out: Problems, member: (typeof STATUSES)[number], now: PodStatus, before: PodStatus, spec: PodSpec): void {
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  const containers =
    member === 'containerStatuses' ? spec.containers : member === 'initContainerStatuses' ? (spec.initContainers ?? []) : [];
  if (
    member !== 'ephemeralContainerStatuses' &&
    all.some((c) => c.restartPolicyRules?.some((r) => r.action === 'RestartAllContainers') === true)
  )
    return;
  before[member]?.forEach((old, i) => {
    const exitCode = old.state?.terminated?.exitCode;
    if (old.state?.terminated === undefined) return;
    const current = now[member]?.find((status) => status.name === old.name && status.state?.terminated === undefined);
    if (current === undefined) return;
    const container = containers.find((c) => c.name === old.name);
    if (container !== undefined && restarts(container, spec.restartPolicy, exitCode ?? 0)) return;
    out.forbidden(STATUS.child(member).index(i).child('state'), 'may not be transitioned to non-terminated state');
  });
}

function validateIps(out: Problems, member: 'podIPs' | 'hostIPs', now: readonly string[], before: readonly string[]): void {
  const at = STATUS.child(member);
  now.forEach((ip, i) => out.add(ipErrors(at.index(i), ip, before)));
  if (now.length < 2) return;
  const bad = now.findIndex((ip) => parseIp(ip) === undefined);
  if (bad !== -1) out.internal(at, `failed to check for dual stack with error:invalid IP[${bad}]: ${now[bad]}`);
  if (bad !== -1 || isDualStack(now) !== true || now.length > 2) {
    out.invalid(
      at,
      now.map((ip) => ({ IP: ip })),
      'may specify no more than one IP for each IP family',
    );
  }
}

function validateUsers(out: Problems, at: Path, statuses: readonly ContainerStatus[], spec: PodSpec): void {
  const os = spec.os?.name ?? 'linux';
  statuses.forEach(({ user }, i) => {
    const linux = user?.linux;
    const path = at.index(i).child('user', 'linux');
    if (linux === undefined) return;
    if (os === 'windows') return out.forbidden(path, 'cannot be set for a windows pod');
    if (os !== 'linux') return;
    out.each(path.child('uid'), linux.uid, userOrGroupId(linux.uid));
    out.each(path.child('gid'), linux.gid, userOrGroupId(linux.gid));
    linux.supplementalGroups?.forEach((gid, j) => out.each(path.child('supplementalGroups').index(j), gid, userOrGroupId(gid)));
  });
}

const HEALTH = ['Healthy', 'Unhealthy', 'Unknown'];
/** Source: ResourceHealthMessageMaxLength. */
const MAX_HEALTH_MESSAGE = 1024;

/** Source: validateContainerStatusAllocatedResourcesStatus. */
function validateAllocated(out: Problems, at: Path, statuses: readonly ContainerStatus[], containers: readonly Container[]): void {
  statuses.forEach((status, i) =>
    status.allocatedResourcesStatus?.forEach(({ name, resources }, j) => {
      const path = at.index(i).child('allocatedResourcesStatus').index(j);
      const container = containers.find((c) => c.name === status.name);
      if (container !== undefined) {
        const isClaim = name.startsWith('claim:');
        const claims = (container.resources?.claims ?? []).map((c) => `claim:${c.name}${blank(c.request) ? '' : `/${c.request}`}`);
        const known = isClaim ? claims : Object.keys(container.resources?.requests ?? {});
        const detail = isClaim
          ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
          : "must match one of the container's resource requests";
        if (!known.includes(name)) out.invalid(path.child('name'), name, detail);
      }
      const ids = new Set<string>();
      resources?.forEach(({ health, message, resourceID }, k) => {
        const resourceAt = path.child('resources').index(k);
        out.oneOf(resourceAt.child('health'), health, HEALTH);
        if (message === '') out.required(resourceAt.child('message'), 'must be non-empty if specified');
        else if (message !== undefined && byteLength(message) > MAX_HEALTH_MESSAGE)
          out.tooLong(resourceAt.child('message'), MAX_HEALTH_MESSAGE);
        if (ids.has(resourceID)) out.duplicate(resourceAt.child('resourceID'), resourceID);
        ids.add(resourceID);
      });
    }),
  );
}
