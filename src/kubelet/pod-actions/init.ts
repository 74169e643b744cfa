// pure
// What to do with init containers and sidecars.
import { isSidecar, shouldRestart } from '#api/pods.ts';
import type { Container, Pod } from '#api/types.ts';
import { hashContainer } from '../runtime/hash.ts';
import { latest, type RuntimeContainer, type RuntimePod } from '../runtime/runtime-pod.ts';
import type { ContainerKill, KillReason } from './actions.ts';
import type { ProbeVerdicts } from './plan.ts';
import { initializedBefore } from './restart.ts';

export type InitPlan =
  /** An init container failed for good: the pod is over. */
  | { readonly kind: 'failed' }
  | {
      readonly kind: 'go';
      /** All init containers are done, so regular containers may run. */
      readonly initialized: boolean;
      readonly start: readonly number[];
      readonly kills: readonly ContainerKill[];
      /** Those that run and stay: candidates for a resize. */
      readonly running: readonly { readonly index: number; readonly instance: RuntimeContainer }[];
    };

type Step = 'nothing' | 'running' | 'start' | 'fail' | 'done' | { readonly kill: ContainerKill } | { readonly doneThenKill: ContainerKill };

/**
 * Looks at init containers from the last to the first: the last one that left a trace tells how far the pod came, since
 * earlier ones may have been removed. From there on only sidecars before it matter. Source: computeInitContainerActions.
 */
export function planInit(pod: Pod, runtime: RuntimePod, probes: ProbeVerdicts): InitPlan {
  const containers = pod.spec.initContainers ?? [];
  const start: number[] = [];
  const kills: ContainerKill[] = [];
  const running: { index: number; instance: RuntimeContainer }[] = [];
  let initialized = containers.length === 0 || initializedBefore(pod.spec, runtime);
  let passed = initialized; // the container under the eye was initialised at some time

  for (const [index, container] of [...containers.entries()].toReversed()) {
    const instance = latest(runtime, container.name);
    if (instance === undefined) {
      if (passed && isSidecar(container)) start.push(index);
      continue;
    }
    if (passed && !isSidecar(container)) continue;

    const step = judge(container, instance, pod, probes);
    if (step === 'fail') return { kind: 'failed' };
    if (step === 'done' || (typeof step === 'object' && 'doneThenKill' in step)) {
      if (index === containers.length - 1) initialized = true;
      else if (!passed) start.push(index + 1);
    }
    if (step === 'start') start.push(index);
    if (step === 'running' || (step === 'done' && instance.state === 'running')) running.push({ index, instance });
    if (typeof step === 'object') {
      kills.push('kill' in step ? step.kill : step.doneThenKill);
      start.push(index);
    }
    passed = true;
  }
  if (!passed) start.push(0);
  return { kind: 'go', initialized, start: start.toReversed(), kills, running };
}

function judge(container: Container, instance: RuntimeContainer, pod: Pod, probes: ProbeVerdicts): Step {
  const sidecar = isSidecar(container);
  const kill = (message: string, reason: KillReason): ContainerKill => ({ id: instance.id, container, message, reason });
  switch (instance.state) {
    // Created and started in one step; left at created, the runtime failed to start it.
    case 'created':
      return 'start';
    case 'running': {
      if (!sidecar) return 'running';
      if (container.startupProbe !== undefined) {
        const startup = probes.startup(instance.id);
        if (startup === 'failure') return { kill: kill(`Init container ${container.name} failed startup probe`, 'StartupProbe') };
        if (startup !== 'success') return 'nothing';
      }
      if (instance.hash !== '' && instance.hash !== hashContainer(container)) {
        return { doneThenKill: kill(`Init container ${container.name} definition changed`, '') };
      }
      if (container.livenessProbe !== undefined && probes.liveness(instance.id) === 'failure') {
        return { doneThenKill: kill(`Init container ${container.name} failed liveness probe`, 'LivenessProbe') };
      }
      return 'done';
    }
    case 'exited':
      if (sidecar) return 'start';
      if (instance.exitCode === 0) return 'done';
      return shouldRestart(container, pod.spec, instance.exitCode) ? 'start' : 'fail';
    case 'unknown':
      if (!sidecar && !shouldRestart(container, pod.spec, 1)) return 'fail';
      return { kill: kill('Init container is in "unknown" state, try killing it before restart', 'Unknown') };
  }
}
