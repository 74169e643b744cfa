// Reads signing requests and signs them. Loaded only when there is one: the library is large.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Ids } from '#base/ids.ts';
import type { RequestFacts } from './request-facts.ts';

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

/** Certificates start this much before they are made; short-lived ones too. Milliseconds. Source: signer.go Backdate. */
const BACKDATE_MS = 5 * 60 * 1000;

/** `pem` as in `spec.request`, decoded. @throws Error when it is no signing request */
export function readRequest(pem: string): RequestFacts {
  if (!pem.includes('-----BEGIN CERTIFICATE REQUEST-----')) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const request = new x509.Pkcs10CertificateRequest(pem);
  const names = namesOf(request)?.names.toJSON() ?? [];
  const of = (type: string): readonly string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: of('dns'),
    ipAddresses: of('ip'),
    emails: of('email'),
    uris: of('url'),
  };
}

function namesOf(request: x509.Pkcs10CertificateRequest): x509.SubjectAlternativeNameExtension | undefined {
  return request.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension);
}

const EXTENDED: Readonly<Record<string, x509.ExtendedKeyUsage>> = {
  'client auth': x509.ExtendedKeyUsage.clientAuth,
  'server auth': x509.ExtendedKeyUsage.serverAuth,
  'code signing': x509.ExtendedKeyUsage.codeSigning,
  'email protection': x509.ExtendedKeyUsage.emailProtection,
  's/mime': x509.ExtendedKeyUsage.emailProtection,
  timestamping: x509.ExtendedKeyUsage.timeStamping,
  'ocsp signing': x509.ExtendedKeyUsage.ocspSigning,
};

const KEY: Readonly<Record<string, x509.KeyUsageFlags>> = {
  signing: x509.KeyUsageFlags.digitalSignature,
  'digital signature': x509.KeyUsageFlags.digitalSignature,
  'content commitment': x509.KeyUsageFlags.nonRepudiation,
  'key encipherment': x509.KeyUsageFlags.keyEncipherment,
  'key agreement': x509.KeyUsageFlags.keyAgreement,
  'data encipherment': x509.KeyUsageFlags.dataEncipherment,
  'cert sign': x509.KeyUsageFlags.keyCertSign,
  'crl sign': x509.KeyUsageFlags.cRLSign,
  'encipher only': x509.KeyUsageFlags.encipherOnly,
  'decipher only': x509.KeyUsageFlags.decipherOnly,
};

export interface SigningOrder {
  /** The request, PEM. */
  readonly request: string;
  /** As in `spec.usages`. */
  readonly usages: readonly string[];
  readonly seconds: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** PEM texts of an authority with an elliptic or RSA key. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

/**
 * The certificate, PEM. It never outlives its authority, and is never an authority itself.
 * @throws Error when the request is not signed by its own key, or names a usage that is not known
 */
export async function signRequest(authority: Authority, { request, usages, seconds, now }: SigningOrder, ids: Ids): Promise<string> {
  const asked = new x509.Pkcs10CertificateRequest(request);
  if (!(await asked.verify())) throw new Error('the signing request is not signed by its own key');
  const unknown = usages.find((usage) => EXTENDED[usage] === undefined && KEY[usage] === undefined);
  if (unknown !== undefined) throw new Error(`unrecognized usage value: "${unknown}"`);
  const issuer = new X509Certificate(authority.certificate);
  const extended = [...new Set(usages.flatMap((usage) => EXTENDED[usage] ?? []))];
  const flags = usages.reduce((all, usage) => all | (KEY[usage] ?? 0), 0);
  const names = namesOf(asked);
  const algorithm = signingAlgorithm(authority.key);
  const signed = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(ids),
    subject: asked.subjectName.toJSON(),
    issuer: new x509.X509Certificate(authority.certificate).subjectName.toJSON(),
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + seconds * 1000, Date.parse(issuer.validTo))),
    publicKey: asked.publicKey,
    signingKey: (await webcrypto.subtle.importKey('pkcs8', pkcs8(authority.key), algorithm, false, ['sign'])) as CryptoKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
      ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
      await x509.AuthorityKeyIdentifierExtension.create(new x509.X509Certificate(authority.certificate)),
      ...(names === undefined ? [] : [names]),
    ],
  });
  return `${signed.toString('pem')}\n`;
}

const pkcs8 = (pem: string): Uint8Array<ArrayBuffer> => new Uint8Array(createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }));

function signingAlgorithm(key: string) {
  const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(createPrivateKey(key));
  if (asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
  return { name: 'ECDSA', namedCurve: curves[asymmetricKeyDetails?.namedCurve ?? ''] ?? 'P-256', hash: 'SHA-256' };
}

/** A positive 64-bit number in hex. */
function serialNumber(ids: Ids): string {
  const bytes = ids.bytes(8);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}
