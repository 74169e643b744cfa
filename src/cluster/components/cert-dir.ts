// The pair that an API server serves with when no other one is named: apiserver.crt and apiserver.key of a folder.
import { existsSync, mkdirSync } from 'node:fs';
import { createAuthority, issueCertificate, type IssueDeps, type KeyedCertificate } from '../pki/certificate.ts';
import { Pki } from '../pki/store.ts';

const PAIR = 'apiserver';
const VALID_DAYS = 365;
/** What pods call the API server by. Source: kube-apiserver CreateServerChain, MaybeDefaultWithSelfSignedCerts. */
const DNS_NAMES = ['kubernetes.default.svc', 'kubernetes.default', 'kubernetes', 'localhost'];

/**
 * Made only where both are missing, or a crash came while they were made, for these addresses; then they stay.
 * @throws Error when a file cannot be read or written, or one of the two was put there alone
 */
export async function pairInFolder(folder: string, ipAddresses: readonly string[], deps: IssueDeps): Promise<() => KeyedCertificate> {
  mkdirSync(folder, { recursive: true });
  const pki = new Pki(folder, deps);
  const present = [pki.certificatePath(PAIR), pki.keyPath(PAIR)].filter(existsSync);
  if (present.length === 0 || (present.length === 1 && pki.unfinished(PAIR))) {
    const [commonName = 'localhost'] = ipAddresses;
    const authority = await createAuthority(`${commonName}-ca`, VALID_DAYS, deps);
    const request = { commonName, usages: ['server'], dnsNames: DNS_NAMES, ipAddresses, validDays: VALID_DAYS } as const;
    const { certificate, key } = await issueCertificate(authority, request, deps);
    await pki.keep(PAIR, { certificate: certificate + authority.certificate, key });
  }
  return () => pki.read(PAIR);
}
