// PEM files of a short-lived authority, for servers on loopback and their clients.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { systemClock } from '#base/clock.ts';

cryptoProvider.set(webcrypto as unknown as Crypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface TestCertificates {
  /** PEM of the authority. */
  readonly ca: string;
  /** Of the client. */
  readonly certificate: string;
  readonly key: string;
  /** Files for the server: etcd connects to itself, so its certificate is a client's too. */
  readonly server: { readonly ca: string; readonly certificate: string; readonly key: string };
}

/** Certificates for 127.0.0.1, their files in `folder`. */
export async function testCertificates(folder: string): Promise<TestCertificates> {
  const now = systemClock.now();
  const dates = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS) };
  const authorityKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...dates,
    name: 'CN=test authority',
    serialNumber: '01',
    keys: authorityKeys as never,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  const issue = async (name: string, serialNumber: string): Promise<{ readonly certificate: string; readonly key: string }> => {
    const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      ...dates,
      serialNumber,
      subject: `CN=${name}`,
      issuer: authority.subject,
      publicKey: own.publicKey as never,
      signingKey: authorityKeys.privateKey as never,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
      ],
    });
    const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY');
    return { certificate: certificate.toString('pem'), key };
  };
  const ca = authority.toString('pem');
  const server = await issue('server', '02');
  const paths = { ca: join(folder, 'ca.pem'), certificate: join(folder, 'server.pem'), key: join(folder, 'server.key') };
  await writeFile(paths.ca, ca);
  await writeFile(paths.certificate, server.certificate);
  await writeFile(paths.key, server.key, { mode: 0o600 });
  return { ca, ...(await issue('client', '03')), server: paths };
}
