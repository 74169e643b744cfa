// Defaults of pods and pod templates. Source: SetDefaults_Pod, SetDefaults_PodSpec, SetDefaults_Container.
import type { Container, ContainerPort, Pod, PodSpec, PodStatus, Volume } from '../gen/core-v1.ts';
import { parseImageReference } from '../image-reference.ts';
import { containerLimits, containerRequests, isHugePages, isPodLevelResource } from '../pod-requests.ts';
import { fillResources, type ResourceList } from '../resource-lists.ts';
import type { New } from '../types.ts';
import { fill, typed, type DefaulterTable } from './fill.ts';

const TERMINATION_GRACE_SECONDS = 30;

/** An image that may change under its name is pulled again. */
function pullPolicyOf(image: string | undefined): 'Always' | 'IfNotPresent' {
  return parseImageReference(image ?? '')?.tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultContainer(container: New<Container>): New<Container> {
  return fill(container, {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: container.imagePullPolicy ?? pullPolicyOf(container.image),
  });
}

/** A volume that names no source is an empty directory. */
function defaultVolume(volume: New<Volume>): New<Volume> {
  const hasSource = Object.keys(volume).some((key) => key !== 'name');
  const sourced = hasSource ? volume : { ...volume, emptyDir: {} };
  if (sourced.image === undefined || sourced.image.pullPolicy !== undefined) return sourced;
  return { ...sourced, image: { ...sourced.image, pullPolicy: pullPolicyOf(sourced.image.reference) } };
}

/** Also aligns the old spelling of the service account's name. Source: Convert_v1_PodSpec_To_core_PodSpec and back. */
function defaultPodSpec(spec: New<PodSpec>): New<PodSpec> {
  const filled = fill(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: TERMINATION_GRACE_SECONDS,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
  });
  const name = filled.serviceAccountName ?? filled.serviceAccount;
  if (name === filled.serviceAccountName && name === filled.serviceAccount) return filled;
  return { ...filled, serviceAccountName: name, serviceAccount: name };
}

/** What holds for a pod and not for a template. */
function defaultPod(pod: New<Pod>): New<Pod> {
  const before = pod.spec ?? {};
  const isHost = before.hostNetwork === true;
  let spec = fill(
    mapContainers(before, (container) => defaultHostPorts(requestLimits(container), isHost)),
    { enableServiceLinks: true },
  );
  spec = defaultPodRequests(defaultHugePageLimits({ ...pod, spec }));
  return spec === before ? pod : { ...pod, spec };
}

function mapContainers(spec: New<PodSpec>, change: (container: New<Container>) => New<Container>): New<PodSpec> {
  const mapped = (list: readonly New<Container>[] | undefined) =>
    list?.some((one) => change(one) !== one) === true ? list.map(change) : list;
  const containers = mapped(spec.containers);
  const initContainers = mapped(spec.initContainers);
  return containers === spec.containers && initContainers === spec.initContainers ? spec : { ...spec, containers, initContainers };
}

/** A container that is limited but asks for nothing asks for its limit. */
function requestLimits(container: New<Container>): New<Container> {
  const { limits, requests } = container.resources ?? {};
  if (limits === undefined) return container;
  const filled = fillResources((requests ?? {}) as ResourceList, limits as ResourceList);
  return filled === requests ? container : { ...container, resources: { ...container.resources, requests: filled } };
}

/** On the host's network a container port is a host port. */
function defaultHostPorts(container: New<Container>, isHost: boolean): New<Container> {
  const lacks = (port: New<ContainerPort>): boolean => port.hostPort === undefined && port.containerPort !== 0;
  if (!isHost || container.ports?.some(lacks) !== true) return container;
  return { ...container, ports: container.ports.map((port) => (lacks(port) ? { ...port, hostPort: port.containerPort } : port)) };
}

/** Pod-level huge page limits follow the containers'. Source: defaultHugePagePodLimits. */
function defaultHugePageLimits(pod: New<Pod>): New<Pod> {
  const resources = pod.spec?.resources;
  const limits = (resources?.limits ?? {}) as ResourceList;
  const requests = (resources?.requests ?? {}) as ResourceList;
  if (resources === undefined || (Object.keys(limits).length === 0 && Object.keys(requests).length === 0)) return pod;
  const wanted = Object.entries(containerLimits(pod)).filter(([name]) => isHugePages(name) && requests[name] === undefined);
  const filled = fillResources(limits, Object.fromEntries(wanted));
  return filled === limits ? pod : { ...pod, spec: { ...pod.spec, resources: { ...resources, limits: filled } } };
}

/** Pod-level requests follow the containers', and where they ask for nothing the pod-level limits. Source: defaultPodRequests. */
function defaultPodRequests(pod: New<Pod>): New<PodSpec> {
  const spec = pod.spec ?? {};
  const limits = (spec.resources?.limits ?? {}) as ResourceList;
  if (spec.resources === undefined || Object.keys(limits).length === 0) return spec;
  const requests = (spec.resources.requests ?? {}) as ResourceList;
  const overcommittable = Object.entries(containerRequests(pod)).filter(([name]) => isPodLevelResource(name) && !isHugePages(name));
  const fromLimits = Object.entries(limits).filter(([name]) => isPodLevelResource(name));
  const filled = fillResources(fillResources(requests, Object.fromEntries(overcommittable)), Object.fromEntries(fromLimits));
  return filled === requests ? spec : { ...spec, resources: { ...spec.resources, requests: filled } };
}

/** The two spellings of the pod's address agree; the older, single one wins. Source: Convert_v1_PodStatus_To_core_PodStatus. */
function alignPodIps(status: New<PodStatus>): New<PodStatus> {
  const { podIP, podIPs } = status;
  const first = podIPs?.[0]?.ip ?? '';
  if (podIP !== undefined) return first === podIP ? status : { ...status, podIPs: [{ ip: podIP }] };
  return first === '' ? status : { ...status, podIP: first };
}

const V1 = 'io.k8s.api.core.v1.';

export const podDefaults: DefaulterTable = {
  [`${V1}Pod`]: typed(defaultPod),
  [`${V1}PodSpec`]: typed(defaultPodSpec),
  [`${V1}PodStatus`]: typed(alignPodIps),
  [`${V1}Container`]: typed(defaultContainer),
  [`${V1}EphemeralContainer`]: typed(defaultContainer),
  [`${V1}Volume`]: typed(defaultVolume),
};
