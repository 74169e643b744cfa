// Who may approve and sign certificate requests, and for which subjects; who may publish a signer's trust anchors.
// Source: plugin/pkg/admission/certificates approval, signing, ctbattest, subjectrestriction; pkg/certauthorization.
import { isDeepStrictEqual } from 'node:util';
import type { ClusterTrustBundle, PodCertificateRequest } from '#api/gen/certificates-v1beta1.ts';
import type { CertificateSigningRequest } from '#api/types.ts';
import { forbidden, toStatusError } from '#apimachinery/field-errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { SYSTEM_PRIVILEGED_GROUP, type UserInfo } from '../authentication/contract.ts';
import { certificateRequestSubject, DerError, ORGANIZATION, subjectStrings } from '../authentication/subject.ts';
import type { Authorizer } from '../authorization/contract.ts';
import { onlyForCollection } from './collection.ts';
import type { AdmissionAttributes, ValidatingPlugin } from './contract.ts';
import { concerns, refusal } from './refusal.ts';

const GROUP = 'certificates.k8s.io';
const RESOURCE = 'certificatesigningrequests';
const POD_REQUESTS = 'podcertificaterequests';
/** Source: certificates API KubeAPIServerClientSignerName. */
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

export function certificateApproval({ authorizer }: { readonly authorizer: Authorizer }): ValidatingPlugin {
  return {
    name: 'CertificateApproval',
    operations: ['UPDATE'],
    async validate(attributes) {
      if (!concerns(attributes, GROUP, RESOURCE, 'approval')) return;
      // The stored one: whoever approves could write another signer.
      const { signerName } = (attributes.oldObject as CertificateSigningRequest).spec;
      if (await maySign('approve', signerName, attributes, authorizer)) return;
      throw refusal(attributes, `user not permitted to approve requests with signerName ${goQuote(signerName)}`);
    },
  };
}

export function certificateSigning({ authorizer }: { readonly authorizer: Authorizer }): ValidatingPlugin {
  return {
    name: 'CertificateSigning',
    operations: ['UPDATE'],
    async validate(attributes) {
      if (concerns(attributes, GROUP, POD_REQUESTS, 'status')) return validateIssuer(attributes, authorizer);
      if (!concerns(attributes, GROUP, RESOURCE, 'status')) return;
      const [request, old] = [attributes.object as CertificateSigningRequest, attributes.oldObject as CertificateSigningRequest];
      const same = isDeepStrictEqual(old.status.conditions ?? [], request.status.conditions ?? []);
      if (same && old.status.certificate === request.status.certificate) return;
      const { signerName } = old.spec;
      if (await maySign('sign', signerName, attributes, authorizer)) return;
      throw refusal(attributes, `user not permitted to sign requests with signerName ${goQuote(signerName)}`);
    },
  };
}

/**
 * Who gives a pod a certificate signs it. Upstream asks after all other rules, in the kind's strategy, and answers as they do.
 * Source: podcertificaterequest StatusStrategy.ValidateUpdate.
 */
async function validateIssuer(attributes: AdmissionAttributes, authorizer: Authorizer): Promise<void> {
  const [request, old] = [attributes.object as PodCertificateRequest, attributes.oldObject as PodCertificateRequest];
  const { signerName } = old.spec;
  if (request.status.certificateChain === old.status.certificateChain) return;
  if (await maySign('sign', signerName, attributes, authorizer)) return;
  const detail = `User ${goQuote(attributes.user.name)} is not permitted to "sign" for signer ${goQuote(signerName)}`;
  throw toStatusError({ group: GROUP, kind: 'PodCertificateRequest' }, old.metadata.name, [forbidden('spec.signerName', detail)]);
}

/** Who writes a bundle of a signer's anchors speaks for the signer. */
export function clusterTrustBundleAttest({ authorizer }: { readonly authorizer: Authorizer }): ValidatingPlugin {
  return {
    name: 'ClusterTrustBundleAttest',
    operations: ['CREATE', 'UPDATE'],
    async validate(attributes) {
      if (!concerns(attributes, GROUP, 'clustertrustbundles')) return;
      const { signerName = '' } = (attributes.object as ClusterTrustBundle).spec;
      if (signerName === '' || onlyForCollection(attributes)) return;
      if (await maySign('attest', signerName, attributes, authorizer)) return;
      throw refusal(attributes, `user not permitted to attest for signerName ${goQuote(signerName)}`);
    },
  };
}

/** For the signer itself, or for all of its domain. Source: IsAuthorizedForSignerName. */
async function maySign(
  verb: 'approve' | 'attest' | 'sign',
  signer: string,
  { user, request }: AdmissionAttributes,
  authorizer: Authorizer,
): Promise<boolean> {
  const [domain = ''] = signer.split('/');
  for (const name of [signer, `${domain}/*`]) {
    if ((await authorizer.authorize(question(user, verb, name), request)).decision === 'allow') return true;
  }
  return false;
}

const question = (user: UserInfo, verb: string, name: string) =>
  ({
    user,
    verb,
    isResourceRequest: true,
    namespace: '',
    group: GROUP,
    version: '*',
    resource: 'signers',
    subresource: '',
    name,
    path: '',
  }) as const;

export const certificateSubjectRestriction: ValidatingPlugin = {
  name: 'CertificateSubjectRestriction',
  operations: ['CREATE'],
  validate(attributes) {
    if (!concerns(attributes, GROUP, RESOURCE) || attributes.object === undefined) return;
    const { signerName, request } = (attributes.object as CertificateSigningRequest).spec;
    if (signerName !== CLIENT_SIGNER || !organizations(attributes, request).includes(SYSTEM_PRIVILEGED_GROUP)) return;
    throw refusal(attributes, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
  },
};

function organizations(attributes: AdmissionAttributes, request: string): readonly string[] {
  try {
    return subjectStrings(certificateRequestSubject(Buffer.from(request, 'base64').toString('latin1')), ORGANIZATION);
  } catch (error) {
    if (error instanceof DerError) throw refusal(attributes, `failed to parse CSR: ${error.message}`);
    throw error;
  }
}
