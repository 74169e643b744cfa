// Client certificates: the common name is the user, organisations are the groups.
// Source: apiserver pkg/authentication/request/x509 x509.go CommonNameUserConversion.
import type { X509Certificate } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { ClientCertificates } from './client-certificate.ts';
import { AuthenticationError, type AuthenticationResponse, type Authenticator } from './contract.ts';
import { EXTRA } from './names.ts';
import { certificateSubject, COMMON_NAME, DerError, ORGANIZATION, subjectStrings, type SubjectAttribute } from './subject.ts';

/** Source: apimachinery pkg/apis/asn1 X509UID. */
const USER_UID = '1.3.6.1.4.1.57683.2';

export interface X509Options {
  /** Authorities of user certificates; without any, no certificate says who its bearer is. */
  readonly authorities: readonly X509Certificate[];
  readonly clock: Clock;
}

export function x509Authenticator({ authorities, clock }: X509Options): Authenticator {
  const certificates = new ClientCertificates(authorities, clock);
  const users = new WeakMap<X509Certificate, AuthenticationResponse | 'nobody' | AuthenticationError>();
  return {
    name: 'x509',
    authenticate({ clientCertificate }) {
      if (authorities.length === 0 || clientCertificate === undefined) return undefined;
      certificates.verify(clientCertificate);
      let user = users.get(clientCertificate);
      if (user === undefined) users.set(clientCertificate, (user = userOf(clientCertificate)));
      if (user instanceof AuthenticationError) throw user;
      return user === 'nobody' ? undefined : user;
    },
  };
}

function userOf(certificate: X509Certificate): AuthenticationResponse | 'nobody' | AuthenticationError {
  const subject = readSubject(certificate);
  if (subject instanceof AuthenticationError) return subject;
  const name = subjectStrings(subject, COMMON_NAME).at(-1) ?? '';
  if (name === '') return 'nobody';
  const uids = subject.filter(({ oid }) => oid === USER_UID);
  const [uid] = uids;
  if (uids.length > 1) return new AuthenticationError(`expected 1 UID, but found multiple: [${uids.map(({ value }) => value).join(' ')}]`);
  if (uid !== undefined && uid.value === undefined) return new AuthenticationError('unable to parse UID into a string');
  if (uid?.value === '') return new AuthenticationError('UID cannot be an empty string');
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    user: {
      name,
      ...(uid?.value === undefined ? {} : { uid: uid.value }),
      groups: [...new Set(subjectStrings(subject, ORGANIZATION))],
      extra: { [EXTRA.credentialId]: [`X509SHA256=${fingerprint}`] },
    },
  };
}

function readSubject(certificate: X509Certificate): readonly SubjectAttribute[] | AuthenticationError {
  try {
    return certificateSubject(certificate.raw);
  } catch (error) {
    if (error instanceof DerError) return new AuthenticationError(`malformed certificate: ${error.message}`);
    throw error;
  }
}
