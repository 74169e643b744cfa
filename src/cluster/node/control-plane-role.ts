// The role that `kubectl get nodes` shows for a node that runs the control plane. A kubelet may not give itself one
// (NodeRestriction), so the administrator does, as kubeadm does. Source: kubeadm markcontrolplane.MarkControlPlane.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { nodes } from '#api/resources.ts';
import type { Client } from '#client/contract.ts';
import { waitFor } from '#client/wait-for.ts';

/** Source: kubeadm constants.LabelNodeRoleControlPlane. */
export const CONTROL_PLANE_ROLE = 'node-role.kubernetes.io/control-plane';

export interface MarkDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  /** For the node to register. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Labels the node once it has registered; one that has the label stays as it is. No taint: here the control plane shares its
 * machine with pods. @throws DeadlineExceeded when it does not register in time
 */
export async function markControlPlane(client: Client, name: string, deps: MarkDeps): Promise<void> {
  const node = await waitFor(client, nodes, { name }, { ...deps, until: (found) => found !== undefined });
  if (node?.metadata.labels?.[CONTROL_PLANE_ROLE] !== undefined) return;
  await client.patch(
    nodes,
    { name },
    { type: 'merge', body: { metadata: { labels: { [CONTROL_PLANE_ROLE]: '' } } } },
    { signal: deps.signal },
  );
}
