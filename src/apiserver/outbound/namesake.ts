// Server certificates that bear the name of the authority that signed them, as those of knative.dev/pkg's webhooks do. OpenSSL
// takes one for self-signed without a look at its signature, and refuses it; Go asks who signed it. What Go would trust is
// found here, so that it can be trusted by itself from then on.
import { X509Certificate } from 'node:crypto';
import { connect, type ConnectionOptions } from 'node:tls';

/** Node.js' code of a server whose certificate seems to be self-signed. */
export const SEEMS_SELF_SIGNED = 'DEPTH_ZERO_SELF_SIGNED_CERT';

/** A certificate that one of the authorities signed. */
export interface Vouched {
  /** PEM. */
  readonly certificate: string;
  /** How long its authority is valid. Milliseconds since the epoch. */
  readonly until: number;
}

/** Undefined unless an authority among `ca`, PEM, signed `leaf` and is valid at `now`. Names, usage and validity of `leaf` itself stay to be judged. */
export function vouched(leaf: X509Certificate, ca: string, now: number): Vouched | undefined {
  const authority = (ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [])
    .map((pem) => new X509Certificate(pem))
    .find((candidate) => candidate.ca && leaf.checkIssued(candidate) && leaf.verify(candidate.publicKey));
  if (authority === undefined) return undefined;
  const [from, until] = [authority.validFromDate.getTime(), authority.validToDate.getTime()];
  return now < from || now > until ? undefined : { certificate: leaf.toString(), until };
}

/** What a server shows, whoever signed it; nothing is sent to it. Undefined when `signal` ends it or the server shows none. */
export function shownBy(options: ConnectionOptions, signal: AbortSignal): Promise<X509Certificate | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...options, rejectUnauthorized: false });
    const onAbort = (): void => void socket.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket.once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate());
      socket.destroy();
    });
    socket.on('error', () => {}); // the call that asks for it tells its own
    socket.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(undefined);
    });
  });
}
