// Every namespace has a service account `default`: pods that name none run as it. Source: serviceaccounts_controller.go.
import { isStatusError } from '#apimachinery/errors.ts';
import { namespaces, serviceaccounts } from '#api/resources.ts';
import type { Controller } from '../runtime/controller.ts';

const DEFAULT = 'default';

export const serviceAccountController: Controller = {
  name: 'serviceaccount-controller',
  serviceAccount: 'service-account-controller',
  reads: [namespaces, serviceaccounts],
  writes: ['serviceaccounts'],
  workers: 1,
  setUp({ client, informers, queue }) {
    const namespaceLister = informers.informer(namespaces);
    const accountLister = informers.informer(serviceaccounts);
    namespaceLister.addHandlers({
      added: ({ metadata }) => queue.add(metadata.name),
      updated: ({ metadata }) => queue.add(metadata.name),
    });
    accountLister.addHandlers({
      deleted({ metadata }) {
        if (metadata.name === DEFAULT) queue.add(metadata.namespace);
      },
    });
    return async (namespace, signal) => {
      if (namespaceLister.get(namespace)?.status.phase !== 'Active' || accountLister.get(DEFAULT, namespace) !== undefined) return;
      try {
        await client.create(serviceaccounts, { metadata: { name: DEFAULT, namespace } }, { signal });
      } catch (error) {
        // Somebody was faster, or the namespace began to end: both settle it.
        if (!isStatusError(error, 'AlreadyExists') && !isNamespaceTerminating(error)) throw error;
      }
    };
  },
};

/** Source: apierrors.HasStatusCause NamespaceTerminatingCause. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isStatusError(error, 'Forbidden') && (error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false);
}
