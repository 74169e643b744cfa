// Signs approved requests with the cluster's authority. Source: pkg/controller/certificates/signer signer.go.
import { certificatesigningrequests } from '#api/resources.ts';
import type { Controller } from '../runtime/controller.ts';
import { isApproved, isFailed, withCondition } from './conditions.ts';
import { isOurSigner, lifetimeSeconds, signerRefusal } from './request-facts.ts';

export const certificateSigningController: Controller = {
  name: 'certificatesigningrequest-signing-controller',
  serviceAccount: 'certificate-controller',
  reads: [certificatesigningrequests],
  writes: ['certificatesigningrequests/status'],
  workers: 1,
  setUp({ client, informers, queue, clock, ids, config, tuning: { signingMs } }) {
    const lister = informers.informer(certificatesigningrequests);
    lister.addHandlers({ added: ({ metadata }) => queue.add(metadata.name), updated: ({ metadata }) => queue.add(metadata.name) });
    return async (name, signal) => {
      const request = lister.get(name);
      if (config.clusterSigning === undefined || request === undefined || request.status.certificate !== undefined) return;
      const { signerName, usages = [], expirationSeconds } = request.spec;
      if (!isOurSigner(signerName) || !isApproved(request) || isFailed(request)) return;
      const { readRequest, signRequest } = await import('./x509.ts');
      const pem = Buffer.from(request.spec.request, 'base64').toString('utf8');
      const refusal = signerRefusal(signerName, readRequest(pem), usages);
      if (refusal !== undefined) {
        const failed = withCondition(request, { type: 'Failed', reason: 'SignerValidationFailure', message: refusal }, clock.now());
        await client.update(certificatesigningrequests, failed, { subresource: 'status', signal });
        return;
      }
      const seconds = lifetimeSeconds(expirationSeconds, signingMs / 1000);
      const signed = await signRequest(config.clusterSigning, { request: pem, usages, seconds, now: clock.now() }, ids);
      const status = { ...request.status, certificate: Buffer.from(signed).toString('base64') };
      await client.update(certificatesigningrequests, { ...request, status }, { subresource: 'status', signal });
    };
  },
};
