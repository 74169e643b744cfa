// Whether a client certificate was issued by one of our authorities and may be used now.
import type { X509Certificate } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { AuthenticationError } from './contract.ts';

/** Certificates between a leaf and its authority. */
const MAX_CHAIN = 8;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY_USAGE = '2.5.29.37.0';

interface Validity {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

/**
 * Judges certificates against a set of authorities. What does not change is judged once for each certificate object
 * (one a connection); the validity at every call, because connections outlive certificates.
 * Source: x509request.Authenticator, with ExtKeyUsageClientAuth.
 */
export class ClientCertificates {
  readonly #authorities: readonly X509Certificate[];
  readonly #clock: Clock;
  readonly #chains = new WeakMap<X509Certificate, Validity | AuthenticationError>();

  constructor(authorities: readonly X509Certificate[], clock: Clock) {
    this.#authorities = authorities;
    this.#clock = clock;
  }

  /** @throws AuthenticationError */
  verify(leaf: X509Certificate): void {
    let chain = this.#chains.get(leaf);
    if (chain === undefined) this.#chains.set(leaf, (chain = this.#judge(leaf)));
    if (chain instanceof AuthenticationError) throw chain;
    const now = this.#clock.now();
    if (now > chain.to)
      throw new AuthenticationError(
        `verifying certificate ${identifier(leaf)} failed: x509: certificate has expired or is not yet valid: current time is after ${new Date(chain.to).toISOString()}`,
      );
    if (now < chain.from)
      throw new AuthenticationError(
        `verifying certificate ${identifier(leaf)} failed: x509: certificate has expired or is not yet valid: current time is before ${new Date(chain.from).toISOString()}`,
      );
  }

  #judge(leaf: X509Certificate): Validity | AuthenticationError {
    const usages: readonly string[] | undefined = leaf.keyUsage;
    if (usages !== undefined && usages.length > 0 && !usages.includes(CLIENT_AUTH) && !usages.includes(ANY_USAGE)) {
      return new AuthenticationError(
        `verifying certificate ${identifier(leaf)} failed: x509: certificate specifies an incompatible key usage`,
      );
    }
    const chain = [leaf];
    for (let at: X509Certificate | undefined = leaf; at !== undefined && chain.length <= MAX_CHAIN;) {
      const subject: X509Certificate = at;
      if (this.#authorities.some((authority) => authority.fingerprint256 === subject.fingerprint256)) return validity(chain);
      const authority = this.#authorities.find((candidate) => issued(subject, candidate));
      if (authority !== undefined) return validity([...chain, authority]);
      const next: X509Certificate | undefined = subject.issuerCertificate;
      if (next === undefined || !next.ca || !issued(subject, next)) break;
      chain.push(next);
      at = next;
    }
    return new AuthenticationError(`verifying certificate ${identifier(leaf)} failed: x509: certificate signed by unknown authority`);
  }
}

const issued = (subject: X509Certificate, issuer: X509Certificate): boolean =>
  subject.checkIssued(issuer) && subject.verify(issuer.publicKey);

const validity = (chain: readonly X509Certificate[]): Validity => ({
  from: Math.max(...chain.map((certificate) => certificate.validFromDate.getTime())),
  to: Math.min(...chain.map((certificate) => certificate.validToDate.getTime())),
});

/** For logs: never the whole certificate. */
const identifier = (certificate: X509Certificate): string => `SN=${BigInt(`0x${certificate.serialNumber}`)}`;
