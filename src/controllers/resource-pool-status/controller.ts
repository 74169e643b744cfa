// Answers ResourcePoolStatusRequests, once each, and removes them some time later. Source:
// pkg/controller/resourcepoolstatusrequest.
import { resourcepoolstatusrequests } from '#api/optional-resources.ts';
import { resourceclaims, resourceslices } from '#api/resources.ts';
import type { ResourcePoolStatusRequest } from '#api/gen/resource-v1alpha3.ts';
import type { New } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Controller } from '../runtime/controller.ts';
import { answer, isAnswered, removalTime } from './plan.ts';

const NAME = 'resourcepoolstatusrequest-controller';
/** Looks at pools whose slices are missing; after that the request waits for its removal. Source: maxRetries. */
const MAX_RETRIES = 5;

export const resourcePoolStatusController: Controller = {
  name: NAME,
  serviceAccount: NAME,
  gates: ['DRAResourcePoolStatus'],
  reads: [resourcepoolstatusrequests, resourceslices, resourceclaims],
  writes: ['resourcepoolstatusrequests', 'resourcepoolstatusrequests/status'],
  workers: 1,
  setUp({ client, informers, queue, clock, metrics: { poolStatus } }) {
    const requests = informers.informer(resourcepoolstatusrequests);
    const slices = informers.informer(resourceslices);
    const claims = informers.informer(resourceclaims);
    const wake = ({ metadata }: ResourcePoolStatusRequest): void => queue.add(metadata.name);
    requests.addHandlers({ added: wake, updated: wake, deleted: ({ metadata }) => void tries.delete(metadata.name) });
    /** Looks at pools that were incomplete, by the request's name. */
    const tries = new Map<string, number>();
    return async (name, signal) => {
      const request = requests.get(name);
      if (request === undefined) return;
      const now = clock.now();
      const afterMs = Math.max(0, removalTime(request) - now);
      if (afterMs === 0) {
        await orGone(client.delete(resourcepoolstatusrequests, { name }, { preconditions: { uid: request.metadata.uid }, signal }));
        return;
      }
      const tried = tries.get(name) ?? 0;
      if (isAnswered(request) || tried > MAX_RETRIES) return { afterMs };
      const { driver } = request.spec;
      const since = clock.monotonic();
      const { status, isIncomplete } = answer(request, slices.list(), claims.list(), now);
      if (isIncomplete) {
        tries.set(name, tried + 1);
        if (tried === MAX_RETRIES) return { afterMs };
        throw new Error('incomplete pools detected, requeueing');
      }
      try {
        const next = { ...request, status } as New<ResourcePoolStatusRequest>;
        await orGone(client.update(resourcepoolstatusrequests, next, { subresource: 'status', signal }));
      } catch (error) {
        poolStatus.errors.of(driver).add();
        throw error;
      } finally {
        poolStatus.processed.of(driver).add();
        poolStatus.seconds.of(driver).observe((clock.monotonic() - since) / 1000);
      }
      return { afterMs };
    };
  },
};

async function orGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
