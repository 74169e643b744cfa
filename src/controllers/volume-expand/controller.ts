// Says of claims that ask for more than they have who is to grow them: drivers outside do. Source: pkg/controller/volume/expand.
import { parseQuantity } from '#apimachinery/quantity.ts';
import { persistentvolumeclaims } from '#api/resources.ts';
import type { PersistentVolumeClaim } from '#api/types.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';

export const expandController: Controller = {
  name: 'persistentvolume-expander-controller',
  serviceAccount: 'expand-controller',
  reads: [persistentvolumeclaims],
  writes: ['events'],
  workers: 1,
  setUp({ informers, queue, events }) {
    const claims = informers.informer(persistentvolumeclaims);
    claims.addHandlers({
      added: (claim) => void (wantsMore(claim) && queue.add(keyOf(claim))),
      updated: (claim, before) => void (wantsMore(claim) && requested(claim) !== requested(before) && queue.add(keyOf(claim))),
    });
    return (key) => {
      const claim = claims.byKey(key);
      if (claim !== undefined && wantsMore(claim)) events.event(claim, 'Normal', 'ExternalExpanding', MESSAGE);
      return Promise.resolve();
    };
  },
};

const MESSAGE = 'waiting for an external controller to expand this PVC';

const requested = ({ spec }: PersistentVolumeClaim): string => spec.resources.requests?.['storage'] ?? '0';

/** A bound claim whose volume is smaller than it asks for. */
export function wantsMore(claim: PersistentVolumeClaim): boolean {
  const has = claim.status.capacity?.['storage'];
  return claim.status.phase === 'Bound' && has !== undefined && parseQuantity(requested(claim)).cmp(parseQuantity(has)) > 0;
}
