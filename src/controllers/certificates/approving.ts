// Approves what kubelets ask for themselves, when they may. Source: pkg/controller/certificates/approver sarapprove.go.
import { certificatesigningrequests, subjectaccessreviews } from '#api/resources.ts';
import type { CertificateSigningRequest } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { Controller } from '../runtime/controller.ts';
import { isDecided, withCondition } from './conditions.ts';
import { kubeletClientRefusal, type RequestFacts, SIGNER } from './request-facts.ts';

interface Recognizer {
  recognizes(request: CertificateSigningRequest, facts: RequestFacts): boolean;
  /** The subresource that the requestor must be allowed to create. */
  readonly subresource: string;
  readonly message: string;
}

const isNodeClient = ({ spec }: CertificateSigningRequest, facts: RequestFacts): boolean =>
  spec.signerName === SIGNER.kubeletClient && kubeletClientRefusal(facts, spec.usages ?? []) === undefined;

const RECOGNIZERS: readonly Recognizer[] = [
  {
    recognizes: (request, facts) => request.spec.username === facts.commonName && isNodeClient(request, facts),
    subresource: 'selfnodeclient',
    message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  },
  {
    recognizes: isNodeClient,
    subresource: 'nodeclient',
    message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
  },
];

export const certificateApprovingController: Controller = {
  name: 'certificatesigningrequest-approving-controller',
  serviceAccount: 'certificate-controller',
  reads: [certificatesigningrequests],
  writes: ['certificatesigningrequests/approval'],
  workers: 1,
  setUp({ client, informers, queue, clock, logger }) {
    const lister = informers.informer(certificatesigningrequests);
    lister.addHandlers({ added: ({ metadata }) => queue.add(metadata.name), updated: ({ metadata }) => queue.add(metadata.name) });
    return async (name, signal) => {
      const request = lister.get(name);
      if (request === undefined || request.status.certificate !== undefined || isDecided(request)) return;
      const { readRequest } = await import('./x509.ts');
      const facts = readRequest(Buffer.from(request.spec.request, 'base64').toString('utf8'));
      for (const { recognizes, subresource, message } of RECOGNIZERS) {
        if (!recognizes(request, facts)) continue;
        if (!(await isAllowed(client, request, subresource, signal))) {
          logger.info('a recognized signing request may not be approved', { request: name, subresource });
          continue;
        }
        const approved = withCondition(request, { type: 'Approved', reason: 'AutoApproved', message }, clock.now());
        await client.update(certificatesigningrequests, approved, { subresource: 'approval', signal });
        return;
      }
    };
  },
};

async function isAllowed(client: Client, { spec }: CertificateSigningRequest, subresource: string, signal: AbortSignal): Promise<boolean> {
  const review = await client.create(
    subjectaccessreviews,
    {
      metadata: {},
      spec: {
        ...(spec.username === undefined ? {} : { user: spec.username }),
        ...(spec.uid === undefined ? {} : { uid: spec.uid }),
        ...(spec.groups === undefined ? {} : { groups: spec.groups }),
        ...(spec.extra === undefined ? {} : { extra: spec.extra }),
        resourceAttributes: { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create', subresource },
      },
    },
    { signal },
  );
  return review.status.allowed;
}
