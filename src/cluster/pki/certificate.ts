// Issues X.509 certificates with P-256 keys: what each is for stands in ./inventory.ts.
import 'reflect-metadata';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
  X509Certificate as NodeCertificate,
} from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { keyText } from './key-text.ts';

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Certificates start this much in the past. Clocks of machines differ a little, but one that took local time for UTC, or a
 * machine restored from a snapshot, is hours back: that must not lock everybody out of a cluster made before it was set right.
 */
const BACKDATE_MS = DAY_MS;

export interface KeyedCertificate {
  /** PEM; the certificate alone, without its issuer. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** Groups of a client certificate. */
  readonly organizations?: readonly string[];
  readonly usages: readonly ('client' | 'server')[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly validDays: number;
}

export interface IssueDeps {
  readonly clock: Clock;
  readonly ids: Ids;
}

function distinguishedName(commonName: string, organizations: readonly string[] = []): x509.JsonName {
  return [...organizations.map((o) => ({ O: [o] })), { CN: [commonName] }];
}

/** A positive 64-bit serial number in hex: the top bit is cleared so that DER adds no sign byte. */
function serialNumber(ids: Ids): string {
  const bytes = ids.bytes(8);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}

/** A PEM private key as WebCrypto wants it. */
async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
}

async function importPublicKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'spki', format: 'der' });
  return webcrypto.subtle.importKey('spki', der, ALGORITHM, true, ['verify']);
}

const generateKey = (): string => keyText(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

/** A self-signed certificate authority. */
export async function createAuthority(commonName: string, validDays: number, { clock, ids }: IssueDeps): Promise<KeyedCertificate> {
  const key = generateKey();
  const now = clock.now();
  const publicKey = createPublicKey(key);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(ids),
    subject: distinguishedName(commonName),
    issuer: distinguishedName(commonName),
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + validDays * DAY_MS),
    publicKey: (await importPublicKey(publicKey)) as CryptoKey,
    signingKey: (await importPrivateKey(key)) as CryptoKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new x509.SubjectKeyIdentifierExtension(keyIdentifier(publicKey)),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key };
}

/** A leaf certificate signed by `authority`, with a new key. */
export async function issueCertificate(
  authority: KeyedCertificate,
  request: CertificateRequest,
  { clock, ids }: IssueDeps,
): Promise<KeyedCertificate> {
  const key = generateKey();
  const issuer = new NodeCertificate(authority.certificate);
  const now = clock.now();
  const usages = { client: x509.ExtendedKeyUsage.clientAuth, server: x509.ExtendedKeyUsage.serverAuth };
  const names: x509.JsonGeneralNames = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(ids),
    subject: distinguishedName(request.commonName, request.organizations),
    issuer: new x509.X509Certificate(authority.certificate).subjectName.toJSON(),
    notBefore: new Date(now - BACKDATE_MS),
    // A leaf never outlives its issuer: verifiers would refuse it with a confusing error.
    notAfter: new Date(Math.min(now + request.validDays * DAY_MS, Date.parse(issuer.validTo))),
    publicKey: (await importPublicKey(createPublicKey(key))) as CryptoKey,
    signingKey: (await importPrivateKey(authority.key)) as CryptoKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(request.usages.map((usage) => usages[usage])),
      new x509.AuthorityKeyIdentifierExtension(keyIdentifier(issuer.publicKey)),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key };
}

/** RFC 5280 method 1, over the uncompressed point. */
function keyIdentifier(key: KeyObject): string {
  const spki = key.export({ type: 'spki', format: 'der' });
  const point = spki.subarray(spki.length - 65); // P-256: 0x04 and two 32-byte coordinates
  return createHash('sha1').update(point).digest('hex');
}
