// Which dead containers and sandboxes are removed.
import type { RuntimeContainer, RuntimePod, RuntimeSandbox } from '../runtime/runtime-pod.ts';

export interface ContainerGcInput {
  readonly pods: readonly RuntimePod[];
  /** Ended instances kept of each container of a pod that still exists. */
  readonly keepPerContainer: number;
  /** Pods that are still known, by uid. */
  readonly known: ReadonlySet<string>;
  /** Pods whose worker takes care of them by itself: it is ending them. */
  readonly busy: ReadonlySet<string>;
  /** Pods that have ended, of which nothing is worth keeping now; none as a rule. */
  readonly over?: ReadonlySet<string>;
}

export interface ContainerGcPlan {
  readonly containers: readonly { readonly pod: RuntimePod; readonly container: RuntimeContainer }[];
  readonly sandboxes: readonly RuntimeSandbox[];
}

/** Source: containerGC.GarbageCollect, evictContainers, evictSandboxes. */
export function planContainerGc({ pods, keepPerContainer, known, busy, over }: ContainerGcInput): ContainerGcPlan {
  const containers: { pod: RuntimePod; container: RuntimeContainer }[] = [];
  const sandboxes: RuntimeSandbox[] = [];
  for (const pod of pods) {
    if (busy.has(pod.uid)) continue;
    const wanted = known.has(pod.uid) && over?.has(pod.uid) !== true;
    const keep = wanted ? keepPerContainer : 0;
    const seen = new Map<string, number>();
    const gone = new Set<string>();
    for (const container of pod.containers) {
      if (container.state !== 'exited' && container.state !== 'unknown') continue;
      const count = (seen.get(container.name) ?? 0) + 1;
      seen.set(container.name, count);
      if (count <= keep) continue;
      containers.push({ pod, container });
      gone.add(container.id);
    }
    for (const [index, sandbox] of pod.sandboxes.entries()) {
      const used = pod.containers.some(({ sandboxId, id }) => sandboxId === sandbox.id && !gone.has(id));
      // The newest sandbox of a pod that exists tells its address and attempt.
      if (!sandbox.ready && !used && (index > 0 || !wanted)) sandboxes.push(sandbox);
    }
  }
  return { containers, sandboxes };
}
