// Removes signing requests that are settled, forgotten or worth nothing any more.
// Source: pkg/controller/certificates/cleaner cleaner.go.
import { X509Certificate } from 'node:crypto';
import { isStatusError } from '#apimachinery/errors.ts';
import { parseTime } from '#apimachinery/time.ts';
import { certificatesigningrequests } from '#api/resources.ts';
import type { CertificateSigningRequest } from '#api/types.ts';
import type { Controller } from '../runtime/controller.ts';

const HOUR_MS = 60 * 60 * 1000;
/** After the last word on it. */
const KEPT_MS = { Approved: HOUR_MS, Denied: HOUR_MS, Failed: HOUR_MS, pending: 24 * HOUR_MS } as const;

/** Milliseconds since the epoch when the request is to go; Infinity while its next step is somebody else's. */
export function removalTime({ metadata, status }: CertificateSigningRequest): number {
  const conditions = status.conditions ?? [];
  if (conditions.length === 0) return parseTime(metadata.creationTimestamp ?? '') + KEPT_MS.pending;
  const issued = status.certificate !== undefined;
  const times = conditions.flatMap(({ type, lastUpdateTime }) => {
    if (type === 'Approved' && !issued) return [];
    const kept = KEPT_MS[type as keyof typeof KEPT_MS];
    return kept === undefined || lastUpdateTime === null ? [] : [parseTime(lastUpdateTime) + kept];
  });
  const approved = conditions.some(({ type }) => type === 'Approved');
  return Math.min(...times, issued && approved ? endOf(status.certificate) : Infinity);
}

/** Of a certificate as it stands in the object; Infinity when it cannot be read, so that nothing is removed for it. */
function endOf(certificate: string): number {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
  } catch {
    return Infinity; // another signer's, in a form that is its own
  }
}

export const certificateCleanerController: Controller = {
  name: 'certificatesigningrequest-cleaner-controller',
  serviceAccount: 'certificate-controller',
  reads: [certificatesigningrequests],
  writes: ['certificatesigningrequests'],
  workers: 1,
  setUp({ client, informers, queue, clock }) {
    const lister = informers.informer(certificatesigningrequests);
    lister.addHandlers({ added: ({ metadata }) => queue.add(metadata.name), updated: ({ metadata }) => queue.add(metadata.name) });
    return async (name, signal) => {
      const request = lister.get(name);
      if (request === undefined) return;
      const afterMs = removalTime(request) - clock.now();
      if (afterMs > 0) return afterMs === Infinity ? undefined : { afterMs };
      try {
        await client.delete(certificatesigningrequests, { name }, { signal });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    };
  },
};
