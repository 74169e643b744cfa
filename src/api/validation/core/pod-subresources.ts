// Updates of a pod through its subresources: ephemeral containers, resize, binding.
// Source: ValidatePodEphemeralContainersUpdate, ValidatePodResize.
import { ownValue } from '../../json-object.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../gen/core-v1.ts';
import { computePodQos, podQos } from '../../pod-qos.ts';
import { forbidden, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { jsonDiff } from '#apimachinery/unified-diff.ts';
import { validateObjectMetaUpdate } from '../metadata.ts';
import { Problems, type Capabilities } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { isRestartableInit } from './containers.ts';
import { MIRROR, validatePodAnnotations, validatePodAnnotationUpdate } from './pod-annotations.ts';
import { validatePodObject } from './pods.ts';

const META = Path.of('metadata');
const SPEC = Path.of('spec');

export function ephemeralContainersErrors(pod: Pod, old: Pod, capabilities: Capabilities): readonly FieldError[] {
  if (old.metadata.annotations?.[MIRROR] !== undefined) return [forbidden('', 'static pods do not support ephemeral containers')];
  const out = new Problems(capabilities);
  validateObjectMetaUpdate(out, pod.metadata, old.metadata);
  validatePodObject(out, pod);
  validatePodAnnotationUpdate(out, META.child('annotations'), pod.metadata.annotations, old.metadata.annotations);
  validatePodAnnotations(out, META.child('annotations'), pod.metadata.annotations, pod.spec);
  const path = SPEC.child('ephemeralContainers');
  for (const before of old.spec.ephemeralContainers ?? []) {
    const now = pod.spec.ephemeralContainers?.find((container) => container.name === before.name);
    if (now === undefined) out.forbidden(path, `existing ephemeral containers ${goQuote(before.name)} may not be removed\n`);
    else if (!semanticEqual(before, now)) {
      out.forbidden(path, `existing ephemeral containers ${goQuote(before.name)} may not be changed\n${jsonDiff(before, now)}`);
    }
  }
  return out.list;
}

const ONLY_CPU_AND_MEMORY = 'only cpu and memory resources are mutable';

export function resizeErrors(pod: Pod, old: Pod, capabilities: Capabilities): readonly FieldError[] {
  if (old.metadata.annotations?.[MIRROR] !== undefined) return [forbidden('', 'static pods cannot be resized')];
  if (old.spec.os?.name === 'windows') return [forbidden('', 'windows pods cannot be resized')];
  const out = new Problems(capabilities);
  validateObjectMetaUpdate(out, pod.metadata, old.metadata);
  validatePodObject(out, pod);
  if (podQos(old) !== computePodQos(pod.spec)) {
    out.invalid(SPEC, pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing');
  }
  const running = old.status?.containerStatuses?.find((status) => status.state?.running !== undefined);
  if (running !== undefined && running.resources === undefined) out.forbidden(SPEC, 'Pod running on node without support for resize');
  validatePodLevel(out, pod.spec, old.spec);
  if ((old.status?.nodeAllocatableResourceClaimStatuses ?? []).length > 0)
    out.forbidden(SPEC, 'pods with node allocatable resource claims cannot be resized');
  if (!validateOrder(out, pod.spec, old.spec)) return out.list;
  validateResizes(out, pod.spec, old.spec);
  if (!out.none) return out.list;
  if (!semanticEqual(comparable(pod.spec), comparable(old.spec))) out.forbidden(SPEC, ONLY_CPU_AND_MEMORY);
  return out.list;
}

/** The spec without resources, which are compared one by one. */
function comparable(spec: PodSpec): unknown {
  const containers = (list: readonly Container[] | undefined): unknown =>
    list?.map((container) => ({ ...container, resources: undefined }));
  return { ...spec, resources: undefined, containers: containers(spec.containers), initContainers: containers(spec.initContainers) };
}

const amounts = (resources: ResourceRequirements | undefined): number =>
  Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length;

function validatePodLevel(out: Problems, now: PodSpec, old: PodSpec): void {
  if (amounts(now.resources) + amounts(old.resources) === 0) return;
  const path = SPEC.child('resources');
  if (old.resources !== undefined && now.resources === undefined) return out.forbidden(path, 'pod-level resources cannot be removed');
  if (old.resources !== undefined) {
    if (removed(now.resources?.requests, old.resources.requests))
      out.forbidden(path.child('requests'), 'pod-level resource requests cannot be removed');
    if (removed(now.resources?.limits, old.resources.limits))
      out.forbidden(path.child('limits'), 'pod-level resource limits cannot be removed');
  }
  if (!semanticEqual(fixedPart(now.resources), fixedPart(old.resources))) out.forbidden(SPEC, `${ONLY_CPU_AND_MEMORY} at pod-level`);
}

type Amounts = Readonly<Record<string, string>> | undefined;

const removed = (now: Amounts, before: Amounts): boolean => Object.keys(before ?? {}).some((name) => ownValue(now, name) === undefined);

/** What a resize must leave alone. */
function fixedPart(resources: ResourceRequirements | undefined): unknown {
  const rest = (map: Amounts): Amounts =>
    Object.fromEntries(Object.entries(map ?? {}).filter(([name]) => name !== 'cpu' && name !== 'memory'));
  return { limits: rest(resources?.limits), requests: rest(resources?.requests) };
}

function validateOrder(out: Problems, now: PodSpec, old: PodSpec): boolean {
  const before = out.list.length;
  for (const member of ['containers', 'initContainers'] as const) {
    const [list, was] = [now[member] ?? [], old[member] ?? []];
    if (list.length !== was.length) out.forbidden(SPEC.child(member), `${member} may not be added or removed on resize`);
    else {
      was.forEach(({ name }, i) => {
        if (list[i]?.name === name) return;
        out.forbidden(SPEC.child(member).index(i).child('name'), `${member} may not be renamed or reordered on resize`);
      });
    }
  }
  return out.list.length === before;
}

function validateResizes(out: Problems, now: PodSpec, old: PodSpec): void {
  const check = (at: Path, container: Container, was: Container): void => {
    if (removed(container.resources?.requests, was.resources?.requests))
      out.forbidden(at.child('requests'), 'resource requests cannot be removed');
    if (removed(container.resources?.limits, was.resources?.limits)) out.forbidden(at.child('limits'), 'resource limits cannot be removed');
  };
  const inits = now.initContainers ?? [];
  inits.forEach((container, i) =>
    check(SPEC.child('initContainers').index(i).child('resources'), container, old.initContainers?.[i] as Container),
  );
  now.containers.forEach((container, i) =>
    check(SPEC.child('containers').index(i).child('resources'), container, old.containers[i] as Container),
  );
  now.containers.forEach((container, i) => {
    if (!sameButCompute(container, old.containers[i] as Container)) out.forbidden(SPEC, ONLY_CPU_AND_MEMORY);
  });
  inits.forEach((container, i) => {
    const was = old.initContainers?.[i] as Container;
    const path = SPEC.child('initContainers').index(i);
    if (!sameButCompute(container, was)) out.forbidden(path, 'only cpu and memory resources for init or sidecar containers are mutable');
    if (semanticEqual(container, was) || isRestartableInit(container)) return;
    for (const { restartPolicy } of container.resizePolicy ?? []) {
      if (restartPolicy === 'RestartContainer') {
        out.forbidden(path, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized');
      }
    }
  });
}

/** Claims that the new container still has are not seen, so one that had any is never the same. Source: dropCPUMemoryResourcesFromContainer. */
function sameButCompute(now: Container, was: Container): boolean {
  const claims = was.resources?.claims ?? [];
  return (
    claims.length === 0 && semanticEqual({ ...now, resources: fixedPart(now.resources) }, { ...was, resources: fixedPart(was.resources) })
  );
}
