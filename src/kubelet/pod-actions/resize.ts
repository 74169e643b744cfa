// pure
// How a running container is brought to the resources its spec asks for.
import type { PodSpec } from '#api/types.ts';
import type { AnyContainer } from '../pod/containers.ts';
import { containerAmounts, type ComputeAmounts } from '../pod/resources.ts';
import type { ContainerKill, ContainerResize } from './actions.ts';

export interface ResizeStep {
  readonly resize: ContainerResize;
  /** Decreases go before increases, so that their sum never exceeds the pod's. */
  readonly shrinks: boolean;
}

export type ResizePlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'update'; readonly steps: readonly ResizeStep[] }
  | { readonly kind: 'restart'; readonly kill: ContainerKill };

/** Source: computePodResizeAction. */
export function planResize(container: AnyContainer, pod: PodSpec, id: string, current: ComputeAmounts): ResizePlan {
  const desired = containerAmounts(container, pod);
  const cpu = change(desired.cpuLimit, current.cpuLimit) ?? change(desired.cpuRequest, current.cpuRequest);
  const memory = change(desired.memoryLimit, current.memoryLimit) ?? change(desired.memoryRequest, current.memoryRequest);
  if (cpu === undefined && memory === undefined) return { kind: 'none' };

  const restarts = (resource: string): boolean =>
    container.resizePolicy?.some((policy) => policy.resourceName === resource && policy.restartPolicy === 'RestartContainer') ?? false;
  if ((cpu !== undefined && restarts('cpu')) || (memory !== undefined && restarts('memory'))) {
    return { kind: 'restart', kill: { id, container, message: `Container ${container.name} resize requires restart`, reason: '' } };
  }
  const step = (resource: 'cpu' | 'memory', direction: 'grow' | 'shrink'): ResizeStep => ({
    resize: { id, container, resource, desired, current },
    shrinks: direction === 'shrink',
  });
  return {
    kind: 'update',
    steps: [...(memory === undefined ? [] : [step('memory', memory)]), ...(cpu === undefined ? [] : [step('cpu', cpu)])],
  };
}

function change(desired: number, current: number): 'grow' | 'shrink' | undefined {
  if (desired === current) return undefined;
  return desired > current ? 'grow' : 'shrink';
}
