// Every container of a pod with its path. Source: podshelper.VisitContainersWithPath.
import type { Container, EphemeralContainer, PodSpec } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';

export function visitContainers(spec: PodSpec, at: Path, visit: (container: Container | EphemeralContainer, path: Path) => void): void {
  for (const member of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    spec[member]?.forEach((container, i) => visit(container, at.child(member).index(i)));
  }
}
