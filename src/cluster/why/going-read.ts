// Pods that are on their way out of a node where room is kept for another.
import { isStatusError } from '#apimachinery/errors.ts';
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { Evidence } from './contract.ts';

/** None for a pod that no room is kept for. What may not be read is left out. */
export async function goingRead({ status }: Pod, client: Client): Promise<readonly Evidence[]> {
  const { nominatedNodeName = '' } = status;
  if (nominatedNodeName === '') return [];
  try {
    const { items } = await client.list(pods, { fieldSelector: `spec.nodeName=${nominatedNodeName}` });
    return items.flatMap(({ metadata: { namespace, name, deletionTimestamp, finalizers = [] } }) => {
      if (deletionTimestamp === undefined) return [];
      const held = finalizers.length === 0 ? '' : `; it waits for ${finalizers.join(', ')}`;
      return [{ source: `pod ${namespace}/${name} on node ${nominatedNodeName}`, text: `has until ${deletionTimestamp} to end${held}` }];
    });
  } catch (error) {
    if (isStatusError(error, 'Forbidden')) return [];
    throw error;
  }
}
