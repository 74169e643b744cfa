// A trusted proxy (the aggregator of another server) names the user in headers. Its client certificate makes it trusted.
// Source: apiserver pkg/authentication/request/headerrequest requestheader.go, x509 Verifier.
import type { X509Certificate } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { ClientCertificates } from './client-certificate.ts';
import { AuthenticationError, type AuthenticationRequest, type Authenticator } from './contract.ts';
import { extraOf, headerValues } from './headers.ts';
import { certificateSubject, COMMON_NAME, subjectStrings } from './subject.ts';

/** What the HTTP side may add: without it there are no groups and no extra. */
export interface RequestWithHeaders extends AuthenticationRequest {
  /** Names and values in turn, in the order sent. */
  readonly rawHeaders?: readonly string[];
}

export interface FrontProxyOptions {
  /** Issuers of proxies' certificates; without any, no proxy is trusted. */
  readonly authorities: readonly X509Certificate[];
  /** Common names a proxy may have; empty: any. Source: --requestheader-allowed-names. */
  readonly allowedNames: readonly string[];
  readonly clock: Clock;
  /** Lower-case header names; defaults are kube-apiserver's usual ones. */
  readonly usernameHeaders?: readonly string[];
  readonly uidHeaders?: readonly string[];
  readonly groupHeaders?: readonly string[];
  readonly extraHeaderPrefixes?: readonly string[];
}

export function frontProxyAuthenticator({
  authorities,
  allowedNames,
  clock,
  usernameHeaders = ['x-remote-user'],
  uidHeaders = ['x-remote-uid'],
  groupHeaders = ['x-remote-group'],
  extraHeaderPrefixes = ['x-remote-extra-'],
}: FrontProxyOptions): Authenticator {
  const certificates = new ClientCertificates(authorities, clock);
  return {
    name: 'requestheader',
    authenticate(request: RequestWithHeaders) {
      const { clientCertificate } = request;
      if (authorities.length === 0 || clientCertificate === undefined) return undefined;
      const first = (names: readonly string[]): string =>
        names.map((name) => request.header(name) ?? '').find((value) => value !== '') ?? '';
      const name = first(usernameHeaders);
      if (name === '') return undefined;
      certificates.verify(clientCertificate);
      checkName(clientCertificate, allowedNames);
      const headers = headerValues(request.rawHeaders ?? []);
      const groups = groupHeaders.flatMap((header) => headers.values(header)).filter((group) => group !== '');
      const extra = Object.assign({}, ...extraHeaderPrefixes.map((prefix) => extraOf(headers, prefix))) as Readonly<
        Record<string, readonly string[]>
      >;
      return { user: { name, uid: first(uidHeaders), groups: [...new Set(groups)], extra } };
    },
  };
}

function checkName(certificate: X509Certificate, allowed: readonly string[]): void {
  if (allowed.length === 0) return;
  const name = subjectStrings(certificateSubject(certificate.raw), COMMON_NAME).at(-1) ?? '';
  if (!allowed.includes(name)) throw new AuthenticationError(`x509: subject with cn=${name} is not in the allowed list`);
}
