// Holds a ServiceCIDR that is deleted until no address comes from it alone. Source: pkg/controller/servicecidrs.
import { setCondition } from '#api/conditions.ts';
import { ipaddresses, servicecidrs } from '#api/resources.ts';
import type { IPAddress, ServiceCIDR } from '#api/types.ts';
import type { Controller } from '../runtime/controller.ts';
import { cidrsOf, contains, isReleased } from './plan.ts';

/** Source: ServiceCIDRProtectionFinalizer. */
const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';

/** API servers that have not heard of the deletion yet may still give out an address. Milliseconds. Source: deletionGracePeriod. */
const GRACE_MS = 10_000;

export const serviceCidrsController: Controller = {
  name: 'service-cidr-controller',
  serviceAccount: 'service-cidrs-controller',
  reads: [servicecidrs, ipaddresses],
  writes: ['servicecidrs', 'servicecidrs/status', 'events'],
  workers: 5,
  setUp({ client, informers, queue, clock }) {
    const ranges = informers.informer(servicecidrs);
    const addresses = informers.informer(ipaddresses);
    /** A range that comes or goes decides about those it overlaps. */
    const wakeOverlapping = (range: ServiceCIDR): void => {
      for (const other of ranges.list()) {
        if (cidrsOf(other).some((cidr) => cidrsOf(range).some((one) => contains(cidr, one) || contains(one, cidr))))
          queue.add(other.metadata.name);
      }
    };
    ranges.addHandlers({ added: wakeOverlapping, updated: wakeOverlapping, deleted: wakeOverlapping });
    addresses.addHandlers({
      deleted({ metadata }: IPAddress) {
        for (const range of ranges.list()) {
          if (range.metadata.deletionTimestamp !== undefined && cidrsOf(range).some((cidr) => contains(cidr, metadata.name)))
            queue.add(range.metadata.name);
        }
      },
    });
    return async (name) => {
      const range = ranges.get(name);
      if (range === undefined) return undefined;
      const { metadata } = range;
      const finalizers = metadata.finalizers ?? [];
      const condition = (status: 'True' | 'False', reason: string, message: string) =>
        setCondition(
          range.status.conditions,
          { type: 'Ready', status, reason, message, lastTransitionTime: null as unknown as string },
          clock.now(),
        );
      const writeStatus = async (conditions: ReturnType<typeof condition>): Promise<void> => {
        if (conditions !== range.status.conditions)
          await client.update(servicecidrs, { ...range, status: { ...range.status, conditions } }, { subresource: 'status' });
      };

      if (metadata.deletionTimestamp === undefined) {
        if (!finalizers.includes(FINALIZER)) {
          await client.update(servicecidrs, { ...range, metadata: { ...metadata, finalizers: [...finalizers, FINALIZER] } });
          return undefined; // its event brings it back
        }
        await writeStatus(condition('True', '', 'Kubernetes Service CIDR is ready'));
        return undefined;
      }
      if (!finalizers.includes(FINALIZER)) return undefined;
      if (!isReleased(range, [...ranges.list()], [...addresses.list()])) {
        const message = 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
        await writeStatus(condition('False', 'Terminating', message));
        return undefined; // the last address, or another range, brings it back
      }
      const left = Date.parse(metadata.deletionTimestamp) + GRACE_MS - clock.now();
      if (left > 0) return { afterMs: left };
      await client.update(servicecidrs, { ...range, metadata: { ...metadata, finalizers: finalizers.filter((one) => one !== FINALIZER) } });
      return undefined;
    };
  },
};
