// The pair that an API server serves with when no other one is named: apiserver.crt and apiserver.key of a folder.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, issueCertificate, type IssueDeps, type KeyedCertificate } from '../pki/certificate.ts';

const VALID_DAYS = 365;
/** What pods call the API server by. Source: kube-apiserver CreateServerChain, MaybeDefaultWithSelfSignedCerts. */
const DNS_NAMES = ['kubernetes.default.svc', 'kubernetes.default', 'kubernetes', 'localhost'];

/**
 * Made only where both are missing, for these addresses; then they stay.
 * @throws Error when a file cannot be read or written
 */
export async function pairInFolder(folder: string, ipAddresses: readonly string[], deps: IssueDeps): Promise<() => KeyedCertificate> {
  const paths = { certificate: join(folder, 'apiserver.crt'), key: join(folder, 'apiserver.key') };
  if (!existsSync(paths.certificate) && !existsSync(paths.key)) {
    const [commonName = 'localhost'] = ipAddresses;
    const authority = await createAuthority(`${commonName}-ca`, VALID_DAYS, deps);
    const request = { commonName, usages: ['server'], dnsNames: DNS_NAMES, ipAddresses, validDays: VALID_DAYS } as const;
    const leaf = await issueCertificate(authority, request, deps);
    mkdirSync(folder, { recursive: true });
    writeFileSync(paths.key, leaf.key, { mode: 0o600 });
    writeFileSync(paths.certificate, leaf.certificate + authority.certificate, { mode: 0o644 });
  }
  return () => ({ certificate: readFileSync(paths.certificate, 'utf8'), key: readFileSync(paths.key, 'utf8') });
}
