// A certificate request as openssl or a client library would make it.
import 'reflect-metadata';
import { type KeyObject, webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

export interface RequestSubject {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly commonName: string;
  readonly organization: string;
}

/** @param publicKey of P-256 */
export async function pemRequest({ publicKey, privateKey, commonName, organization }: RequestSubject): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const keys = {
    publicKey: await webcrypto.subtle.importKey('spki', publicKey.export({ format: 'der', type: 'spki' }), algorithm, true, ['verify']),
    privateKey: await webcrypto.subtle.importKey('pkcs8', privateKey.export({ format: 'der', type: 'pkcs8' }), algorithm, true, ['sign']),
  };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${commonName}, O=${organization}`,
    keys,
    signingAlgorithm: { ...algorithm, hash: 'SHA-256' },
  });
  return request.toString('pem');
}
