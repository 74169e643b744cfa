// Removes what pods asked certificates with: each is short-lived, and nobody reads it after a while.
// Source: pkg/controller/certificates/cleaner pcrcleaner.go, cmd/kube-controller-manager app/certificates.go.
import { podcertificaterequests } from '#api/optional-resources.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { parseTime } from '#apimachinery/time.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';

/** After it was made. */
const KEPT_MS = 15 * 60 * 1000;

export const podCertificateRequestCleaner: Controller = {
  name: 'podcertificaterequest-cleaner-controller',
  serviceAccount: 'podcertificaterequestcleaner',
  gates: ['PodCertificateRequest'],
  reads: [podcertificaterequests],
  writes: ['podcertificaterequests'],
  workers: 1,
  setUp({ client, informers, queue, clock }) {
    const lister = informers.informer(podcertificaterequests);
    lister.addHandlers({ added: (request) => queue.add(keyOf(request)) });
    return async (key, signal) => {
      const request = lister.byKey(key);
      if (request === undefined) return;
      const { metadata } = request;
      const afterMs = parseTime(metadata.creationTimestamp ?? '') + KEPT_MS - clock.now();
      if (afterMs > 0) return { afterMs };
      try {
        await client.delete(podcertificaterequests, metadata, { preconditions: { uid: metadata.uid }, signal });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    };
  },
};
