// A certificate authority for tests, and what it signs.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type JsonName,
  type X509Certificate,
} from '@peculiar/x509';
import type { ServingCertificate } from '../http/listener.ts';

cryptoProvider.set(webcrypto as unknown as Crypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
export const AUTHORITY_NAME = 'CN=proa-test-ca';
const VALID_MS = 24 * 3_600_000;

export interface TestAuthority {
  /** PEM. */
  readonly certificate: string;
  serving(names: { readonly dns: readonly string[]; readonly ip: readonly string[] }): Promise<ServingCertificate>;
  client(user: { readonly name: string; readonly groups: readonly string[] }): Promise<ServingCertificate>;
}

/** @param now milliseconds since the epoch; `server`: the subject of serving certificates */
export async function createTestAuthority(now: number, { server = 'CN=proa-test' } = {}): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const dates = { notBefore: new Date(now - VALID_MS), notAfter: new Date(now + VALID_MS) };
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...dates,
    name: AUTHORITY_NAME,
    serialNumber: '01',
    keys: keys as never,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  let serial = 1;
  const issue = async (
    subject: string | JsonName,
    usage: string,
    names: readonly { type: 'dns' | 'ip'; value: string }[],
  ): Promise<ServingCertificate> => {
    const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate: X509Certificate = await X509CertificateGenerator.create({
      ...dates,
      subject,
      issuer: ca.subject,
      serialNumber: (++serial).toString(16).padStart(2, '0'),
      publicKey: own.publicKey as never,
      signingKey: keys.privateKey as never,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new ExtendedKeyUsageExtension([usage]),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names.map((name) => ({ ...name })))]),
      ],
    });
    const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY');
    return { certificate: certificate.toString('pem'), key };
  };
  return {
    certificate: ca.toString('pem'),
    serving: ({ dns, ip }) =>
      issue(server, ExtendedKeyUsage.serverAuth, [
        ...dns.map((value) => ({ type: 'dns', value }) as const),
        ...ip.map((value) => ({ type: 'ip', value }) as const),
      ]),
    client: ({ name, groups }) => issue([{ CN: [name] }, ...groups.map((group) => ({ O: [group] }))], ExtendedKeyUsage.clientAuth, []),
  };
}
