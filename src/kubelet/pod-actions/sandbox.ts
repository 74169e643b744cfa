// pure
// Whether the pod's newest sandbox can still be used.
import type { Pod } from '#api/types.ts';
import { isHostNetworkPod } from '../pod/identity.ts';
import type { RuntimePod } from '../runtime/runtime-pod.ts';

export type SandboxVerdict =
  | { readonly kind: 'usable'; readonly sandboxId: string; readonly attempt: number }
  /** `previousId` is absent for a first sandbox, and when only the network mode changed. */
  | { readonly kind: 'needed'; readonly attempt: number; readonly previousId?: string };

/** Source: runtimeutil.PodSandboxChanged. */
export function judgeSandbox(pod: Pod, runtime: RuntimePod): SandboxVerdict {
  const newest = runtime.sandboxes[0];
  if (newest === undefined) return { kind: 'needed', attempt: 0 };

  const attempt = newest.attempt + 1;
  const readyCount = runtime.sandboxes.filter((sandbox) => sandbox.ready).length;
  if (readyCount > 1 || !newest.ready) return { kind: 'needed', attempt, previousId: newest.id };
  if (newest.hostNetwork !== isHostNetworkPod(pod)) return { kind: 'needed', attempt };
  if (!isHostNetworkPod(pod) && newest.ips.length === 0) return { kind: 'needed', attempt, previousId: newest.id };
  return { kind: 'usable', sandboxId: newest.id, attempt: newest.attempt };
}
