// pure
// What a signing request asks for, and whether its signer gives such certificates.
// Source: pkg/apis/certificates helpers.go ValidateKubeletServingCSR, ValidateKubeletClientCSR; signer.go.

export const SIGNER = {
  client: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  legacyUnknown: 'kubernetes.io/legacy-unknown',
} as const;

/** Read from the request's own bytes, not from what the object says beside it. */
export interface RequestFacts {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

const NODES_GROUP = 'system:nodes';
export const NODE_USER_PREFIX = 'system:node:';

const KEY_USAGES = ['digital signature', 'key encipherment'];

/** With RSA keys both key usages are named, with others the first alone. */
function usagesRefusal(usages: readonly string[], purpose: string): string | undefined {
  const given = new Set(usages);
  const rest = [...given].filter((usage) => !KEY_USAGES.includes(usage));
  if (given.has('digital signature') && rest.length === 1 && rest[0] === purpose) return undefined;
  return `usages did not match [${['digital signature', 'key encipherment', purpose].toSorted().join(' ')}]`;
}

function nodeSubjectRefusal({ organizations }: RequestFacts): string | undefined {
  return organizations.length === 1 && organizations[0] === NODES_GROUP ? undefined : 'subject organization is not system:nodes';
}

function nodeNameRefusal({ commonName }: RequestFacts): string | undefined {
  return commonName.startsWith(NODE_USER_PREFIX) ? undefined : 'subject common name does not begin with system:node:';
}

const EMAIL_REFUSED = 'Email subjectAltNames are not allowed';
const URI_REFUSED = 'URI subjectAltNames are not allowed';

/** Why a kubelet's client certificate is not asked for here; undefined when it is. */
export function kubeletClientRefusal(facts: RequestFacts, usages: readonly string[]): string | undefined {
  return (
    nodeSubjectRefusal(facts) ??
    (facts.dnsNames.length > 0 ? 'DNS subjectAltNames are not allowed' : undefined) ??
    (facts.emails.length > 0 ? EMAIL_REFUSED : undefined) ??
    (facts.ipAddresses.length > 0 ? 'IP subjectAltNames are not allowed' : undefined) ??
    (facts.uris.length > 0 ? URI_REFUSED : undefined) ??
    nodeNameRefusal(facts) ??
    usagesRefusal(usages, 'client auth')
  );
}

/** As kubeletClientRefusal, for the certificate a kubelet serves with. */
export function kubeletServingRefusal(facts: RequestFacts, usages: readonly string[]): string | undefined {
  return (
    nodeSubjectRefusal(facts) ??
    (facts.dnsNames.length + facts.ipAddresses.length === 0 ? 'DNS or IP subjectAltName is required' : undefined) ??
    (facts.emails.length > 0 ? EMAIL_REFUSED : undefined) ??
    (facts.uris.length > 0 ? URI_REFUSED : undefined) ??
    usagesRefusal(usages, 'server auth') ??
    nodeNameRefusal(facts)
  );
}

function clientRefusal(usages: readonly string[]): string | undefined {
  const wrong = usages.find((usage) => usage !== 'client auth' && !KEY_USAGES.includes(usage));
  if (wrong !== undefined) return `invalid usage for client certificate: ${wrong}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

/** `unknown` for a signer that is somebody else's; otherwise why it is refused, or undefined. */
export function signerRefusal(signer: string, facts: RequestFacts, usages: readonly string[]): string | undefined {
  switch (signer) {
    case SIGNER.kubeletServing:
      return kubeletServingRefusal(facts, usages);
    case SIGNER.kubeletClient:
      return kubeletClientRefusal(facts, usages);
    case SIGNER.client:
      return clientRefusal(usages);
    default:
      return undefined; // legacy-unknown signs what it is given
  }
}

const MAY_SIGN: ReadonlySet<string> = new Set(Object.values(SIGNER));

export function isOurSigner(signer: string): boolean {
  return MAY_SIGN.has(signer);
}

/** Least life of a certificate: twice the time it is dated back. Seconds. Source: signer.go duration. */
const SHORTEST_SECONDS = 600;

/** Seconds of life. `longest` is the signer's own. */
export function lifetimeSeconds(asked: number | undefined, longest: number): number {
  return asked === undefined ? longest : Math.min(Math.max(asked, SHORTEST_SECONDS), longest);
}
