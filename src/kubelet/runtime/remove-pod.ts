// Removes what is left of a pod in the runtime: its containers with their logs, and its sandboxes.
import { rm } from 'node:fs/promises';
import type { Pod } from '#api/types.ts';
import { isNotFound } from '#cri/errors.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import type { RuntimePod } from './runtime-pod.ts';
import { removeContainer } from './sync-pod.ts';

export interface RemoveDeps {
  readonly runtime: RuntimeService;
  readonly paths: KubeletPaths;
}

/** @throws CriError; Source: kubeGenericRuntimeManager.GarbageCollect, for one pod */
export async function removePod(pod: Pick<Pod, 'metadata'>, runtimePod: RuntimePod | undefined, deps: RemoveDeps): Promise<void> {
  for (const { name, id, logPath, state } of runtimePod?.containers ?? [])
    if (state !== 'running') await removeContainer(pod, name, id, logPath, deps);
  for (const { id } of runtimePod?.sandboxes ?? []) await removeSandbox(id, deps.runtime);
  await rm(deps.paths.podLogDirectory(pod as Pod), { recursive: true, force: true });
}

/** Stopped again first: only that surely gives the address back. Source: removeSandbox. */
export async function removeSandbox(podSandboxId: string, runtime: RuntimeService): Promise<void> {
  try {
    await runtime.stopPodSandbox({ podSandboxId });
    await runtime.removePodSandbox({ podSandboxId });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
