// What is told of the claims that a pod waits for: of volumes, by their events.
import { isStatusError } from '#apimachinery/errors.ts';
import { events, persistentvolumeclaims, storageclasses } from '#api/resources.ts';
import type { PersistentVolumeClaim, Pod } from '#api/types.ts';
import { claimName, className, isClaimBound } from '#api/volumes.ts';
import type { Client } from '#client/contract.ts';
import type { Evidence } from './contract.ts';

/** Of claims that have no volume yet. What may not be read is left out. */
export async function claimsRead(pod: Pod, client: Client): Promise<readonly Evidence[]> {
  const names = (pod.spec.volumes ?? []).flatMap((volume) => claimName(pod, volume) ?? []);
  const found = await Promise.all(names.map((name) => claimRead(pod.metadata.namespace, name, client)));
  return found.flat();
}

async function claimRead(namespace: string, name: string, client: Client): Promise<readonly Evidence[]> {
  try {
    const claim = await client.get(persistentvolumeclaims, { namespace, name });
    if (isClaimBound(claim)) return [];
    const { items } = await client.list(events, { namespace, fieldSelector: `involvedObject.uid=${claim.metadata.uid}` });
    const latest = items.toSorted((a, b) => ((a.lastTimestamp ?? '') < (b.lastTimestamp ?? '') ? 1 : -1)).slice(0, 1);
    const state = `${claim.status?.phase ?? 'Pending'}, ${await classOf(claim, client)}`;
    return [
      { source: `claim ${name}`, text: state },
      ...latest.map(({ reason = '', message = '' }) => ({ source: `event ${reason} of claim ${name}`, text: message })),
    ];
  } catch (error) {
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Forbidden')) return [];
    throw error;
  }
}

/** Somebody who may not read classes is told which one it is. */
async function classOf(claim: PersistentVolumeClaim, client: Client): Promise<string> {
  const name = className(claim);
  if (name === '') return 'without a class';
  try {
    await client.get(storageclasses, { name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return `class ${name}, which is not there`;
    if (!isStatusError(error, 'Forbidden')) throw error;
  }
  return `class ${name}`;
}
