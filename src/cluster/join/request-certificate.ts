// A certificate by request: a new key that never leaves this machine, a request for it, and the wait for the answer.
import 'reflect-metadata';
import { generateKeyPairSync, type KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { certificatesigningrequests } from '#api/resources.ts';
import type { CertificateSigningRequest, New } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { waitFor } from '#client/wait-for.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { KeyedCertificate } from '../pki/certificate.ts';
import { keyText } from '../pki/key-text.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A cluster that just starts takes a few seconds; one that approves by hand takes longer, and is asked again. */
const ANSWER_MS = 120_000;

export interface CertificateOrder {
  readonly signerName: string;
  readonly usage: 'client auth' | 'server auth';
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused';
}

/** @throws CertificateRefused, StatusError, ConnectionError; DeadlineExceeded when nobody decides */
export async function requestCertificate(
  client: Client,
  order: CertificateOrder,
  { clock, ids, signal }: { readonly clock: Clock; readonly ids: Ids; readonly signal: AbortSignal },
): Promise<KeyedCertificate> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request: New<CertificateSigningRequest> = {
    metadata: { generateName: 'node-csr-' } as New<CertificateSigningRequest>['metadata'],
    spec: {
      request: Buffer.from(await signingRequest(privateKey, order)).toString('base64'),
      signerName: order.signerName,
      usages: ['digital signature', order.usage],
    },
  };
  const { metadata } = await client.create(certificatesigningrequests, request, { signal });
  const answered = await waitFor(
    client,
    certificatesigningrequests,
    { name: metadata.name },
    {
      until: (object) => object === undefined || object.status.certificate !== undefined || refusalOf(object) !== undefined,
      timeoutMs: ANSWER_MS,
      clock,
      ids,
      signal,
    },
  );
  const certificate = answered?.status.certificate;
  if (certificate === undefined)
    throw new CertificateRefused(
      `no certificate for ${order.commonName}: ${answered === undefined ? 'the request was deleted' : refusalOf(answered)}`,
    );
  return { certificate: Buffer.from(certificate, 'base64').toString('utf8'), key: keyText(privateKey) };
}

function refusalOf({ status }: CertificateSigningRequest): string | undefined {
  const refused = status.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
  return refused === undefined ? undefined : `${refused.type} (${refused.message ?? refused.reason})`;
}

async function signingRequest(
  key: KeyObject,
  { commonName, organizations, dnsNames = [], ipAddresses = [] }: CertificateOrder,
): Promise<string> {
  const der = new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }));
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  const { d: _, key_ops: __, ...publicJwk } = await webcrypto.subtle.exportKey('jwk', privateKey);
  const publicKey = await webcrypto.subtle.importKey('jwk', publicJwk, ALGORITHM, true, ['verify']);
  const names: x509.JsonGeneralNames = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [...organizations.map((o) => ({ O: [o] })), { CN: [commonName] }],
    keys: { privateKey, publicKey } as unknown as x509.Pkcs10CertificateRequestCreateParams['keys'],
    signingAlgorithm: ALGORITHM,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  return `${request.toString('pem')}\n`;
}
