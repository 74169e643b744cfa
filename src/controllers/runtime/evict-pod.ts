// Deletes a pod for a reason that is not its own: its status says so first, so that Jobs and budgets know.
import type { Int64 } from '#api/gen/scalars.ts';
import { setCondition } from '#api/conditions.ts';
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';

/** Of the condition DisruptionTarget. */
export interface Disruption {
  readonly reason: string;
  readonly message: string;
  /** The pod's generation, where the condition tells it. */
  readonly observedGeneration?: Int64;
}

/** A pod that is gone already is no failure. @throws StatusError */
export async function evictPod(
  pod: Pod,
  disruption: Disruption,
  { client, clock }: { readonly client: Client; readonly clock: Clock },
): Promise<void> {
  const condition = { type: 'DisruptionTarget', status: 'True', ...disruption, lastProbeTime: null, lastTransitionTime: null } as const;
  const conditions = setCondition(pod.status.conditions, condition, clock.now());
  const { uid } = pod.metadata;
  // Of the status nothing else: its kubelet may have told more by now.
  const body = { metadata: { uid }, status: { conditions: conditions.filter(({ type }) => type === condition.type) } };
  try {
    if (conditions !== pod.status.conditions)
      await client.patch(pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' });
    await client.delete(pods, pod.metadata, { preconditions: { uid } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
