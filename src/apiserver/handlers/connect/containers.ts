// Which container of a pod is meant. Pure. Source: pkg/registry/core/pod strategy.go validateContainer.
import type { Pod } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';

/** @param wanted empty for the only one. @throws StatusError BadRequest */
export function containerOf({ metadata: { name }, spec }: Pod, wanted: string): string {
  const names = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])].map(
    (container) => container.name,
  );
  if (wanted !== '') {
    if (!names.includes(wanted)) throw badRequest(`container ${wanted} is not valid for pod ${name}`);
    return wanted;
  }
  const [only, ...more] = spec.containers;
  if (only === undefined) throw badRequest(`a container name must be specified for pod ${name}`);
  if (more.length > 0) throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
  return only.name;
}
