// pure
// The containers of a pod spec: which kinds there are, in which order, and how one is found by name.
import type { Container, EphemeralContainer, Pod, PodSpec } from '#api/types.ts';

/** A container of any kind; an ephemeral one carries its target. */
export type AnyContainer = Container & { readonly targetContainerName?: string };

export type ContainerKind = 'container' | 'init' | 'ephemeral';

/** An ephemeral container in the shape of the others. */
export function ephemeralAsContainer(ephemeral: EphemeralContainer): AnyContainer {
  return { ...ephemeral, image: ephemeral.image ?? '' };
}

export interface KindedContainer {
  readonly kind: ContainerKind;
  readonly container: AnyContainer;
  /** Place within its own list of the spec. */
  readonly index: number;
}

/** Every container: init containers, then containers, then ephemeral ones. */
export function* containersOf(spec: PodSpec): Generator<KindedContainer> {
  for (const [index, container] of (spec.initContainers ?? []).entries()) yield { kind: 'init', container, index };
  for (const [index, container] of spec.containers.entries()) yield { kind: 'container', container, index };
  for (const [index, ephemeral] of (spec.ephemeralContainers ?? []).entries()) {
    yield { kind: 'ephemeral', container: ephemeralAsContainer(ephemeral), index };
  }
}

export function findContainer(pod: Pod, name: string): KindedContainer | undefined {
  for (const found of containersOf(pod.spec)) if (found.container.name === name) return found;
  return undefined;
}

/**
 * `spec.containers{web}`, the field path of events about a container; empty when the container is not in the pod.
 * Source: kubecontainer.fieldPath.
 */
export function containerFieldPath(pod: Pod, name: string): string {
  const found = findContainer(pod, name);
  if (found === undefined) return '';
  const list = { container: 'containers', init: 'initContainers', ephemeral: 'ephemeralContainers' }[found.kind];
  return `spec.${list}{${name}}`;
}
